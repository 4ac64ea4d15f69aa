import type { EventLog } from '#libs/event-log';
import { stateFact } from '#libs/leads';
import { fieldsOfKey, primaryKeyOf, type LeadEvent } from '#libs/leads/domain';
import {
  Command,
  type ICommandHandler,
  audit,
  databaseNow,
  derivedId,
  DomainError,
  inTransaction,
  type Pool,
} from '#libs/platform';
import { readLead } from '#libs/projection';
import { outcomeProperties } from './record-outcome.command.js';

/** An outcome was wrong: it is withdrawn, and what it should have said is stated in its place. Both stay in the history. */
export class CorrectOutcome extends Command<{ eventId: string }> {
  constructor(
    readonly lead: number,
    readonly event: string,
    /** As `outcomeSchema` asks, and why it is corrected. */
    readonly input: { correction: unknown; reason: string },
    readonly actor: string,
  ) {
    super();
  }
}

export class CorrectOutcomeHandler implements ICommandHandler<CorrectOutcome> {
  static readonly handles = CorrectOutcome;

  constructor(
    private readonly pool: Pool,
    private readonly log: EventLog,
  ) {}

  async execute({ lead, event, input, actor }: CorrectOutcome): Promise<{ eventId: string }> {
    const { name, properties } = outcomeProperties(input.correction);
    const wrong = await this.outcomeOf(lead, event);
    const now = (await databaseNow(this.pool)).getTime();
    const stamp = { source: 'api', occurredAt: now, receivedAt: now };
    const retraction: LeadEvent = {
      ...{
        id: derivedId('outcome-withdrawn', event),
        type: 'retraction',
        name: 'withdrawn',
        refersTo: event,
        ...stamp,
      },
      properties: { reason: input.reason, actor },
    };
    const correction: LeadEvent = {
      ...{ id: derivedId('outcome-corrected', event), type: 'outcome', name, ...stamp, ...fieldsOfKey(wrong) },
      properties: { ...properties, actor, corrects: event },
    };
    // one transaction around both: without the facts there is no audit row, and the other way round
    await inTransaction(this.pool, async (client) => {
      await audit(client, { actor, action: 'outcome.correct', target: event, details: { name, reason: input.reason } });
      await stateFact(this.log, correction);
      await stateFact(this.log, retraction);
    });
    return { eventId: retraction.id };
  }

  /** Under which key it was stated; it has to be this lead's. */
  private async outcomeOf(lead: number, event: string): Promise<string> {
    const { rows } = await this.pool.query<{ uid: string | null; email: string | null; anon: string | null }>(
      "select uid, email, anon from event where id = $1 and type = 'outcome'",
      [event],
    );
    const row = rows[0];
    const key =
      row &&
      primaryKeyOf({
        ...(row.uid !== null && { userId: row.uid }),
        ...(row.email !== null && { email: row.email }),
        ...(row.anon !== null && { anonymousId: row.anon }),
      });
    if (key === undefined || (await readLead(this.pool, { key }))?.id !== lead)
      throw new DomainError('outcome-unknown', 'This lead has no such outcome.', { status: 404, path: 'event' });
    return key;
  }
}
