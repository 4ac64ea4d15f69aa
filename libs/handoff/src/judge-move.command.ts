import type { EventLog } from '#libs/event-log';
import { stateFact } from '#libs/leads';
import { fieldsOfKey, isKnown, isStrong, type LeadEvent } from '#libs/leads/domain';
import { Command, type ICommandHandler, derivedId, DomainError, newId, type Pool } from '#libs/platform';
import { explainHeld, readLookNow, type ProjectionContext } from '#libs/projection';

export interface MoveVerdict {
  stage: string;
  approved: boolean;
  /** Demanded of whoever declines. */
  reason?: string;
}

/** Lets a held move go, or declines it. An event on the log: the projector decides by it, once. */
export class JudgeMove extends Command<{ eventId: string }> {
  constructor(
    readonly lead: number,
    readonly verdict: MoveVerdict,
    readonly actor: { name: string; role: string },
    readonly idempotencyKey?: string,
  ) {
    super();
  }
}

export class JudgeMoveHandler implements ICommandHandler<JudgeMove> {
  static readonly handles = JudgeMove;

  constructor(
    private readonly pool: Pool,
    private readonly log: EventLog,
    private readonly context: ProjectionContext,
  ) {}

  async execute({ lead: id, verdict, actor, idempotencyKey }: JudgeMove): Promise<{ eventId: string }> {
    const { stage, approved, reason } = verdict;
    const looked = await readLookNow(this.pool, this.context, { id });
    const key = looked?.lead.keys.find(isStrong) ?? looked?.lead.keys[0];
    if (!looked || key === undefined) throw new DomainError('lead-unknown', 'There is no such lead.', { status: 404 });
    const eventId =
      idempotencyKey === undefined ? newId() : derivedId('approval', key, encodeURIComponent(idempotencyKey));
    if (!(await this.stated(eventId))) refuse(looked, verdict, actor.role);
    const event: LeadEvent = {
      id: eventId,
      type: 'approval',
      source: 'api',
      occurredAt: looked.now,
      receivedAt: looked.now,
      ...fieldsOfKey(key),
      name: approved ? 'approved' : 'declined',
      properties: { stage, ...(reason === undefined ? {} : { reason }), actor: actor.name },
    };
    return { eventId: await stateFact(this.log, event) };
  }

  /** Said again under the caller's own key, it is the same word: what it answered then has happened meanwhile. */
  private async stated(eventId: string): Promise<boolean> {
    return (await this.pool.query('select 1 from event where id = $1', [eventId])).rowCount === 1;
  }
}

type Looked = NonNullable<Awaited<ReturnType<typeof readLookNow>>>;

function refuse({ lead, look, rulebook }: Looked, { stage }: MoveVerdict, role: string): void {
  const known = (attribute: string) => isKnown(lead.state.profile[attribute]?.value);
  const held = explainHeld(look.held, rulebook, known, 'en').find((move) => move.stage === stage);
  if (!held)
    throw new DomainError('not-held', `No move of this lead to ${stage} waits.`, { status: 409, path: 'stage' });
  if (held.approver === null)
    throw new DomainError('no-approval-needed', `${held.text}: nobody has to approve it.`, {
      status: 409,
      path: 'stage',
    });
  if (role !== held.approver && role !== 'admin')
    throw new DomainError('wrong-approver', `This move is for ${held.approver} to approve.`, {
      status: 403,
      path: 'stage',
    });
}
