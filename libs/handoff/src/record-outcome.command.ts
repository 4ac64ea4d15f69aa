import type { EventLog } from '#libs/event-log';
import { stateFact } from '#libs/leads';
import { fieldsOfKey, isStrong, type JsonObject, type LeadEvent, type SubjectKey } from '#libs/leads/domain';
import { Command, type ICommandHandler, databaseNow, derivedId, DomainError, newId, type Pool } from '#libs/platform';
import { readLead } from '#libs/projection';
import { outcomeSchema } from './domain/outcome.js';

/** Sales says what became of a lead. Answers with the event's id, once the log holds it. */
export class RecordOutcome extends Command<{ eventId: string }> {
  constructor(
    readonly lead: number,
    /** As `outcomeSchema` asks; validated here. */
    readonly input: unknown,
    readonly actor: string,
    /** The caller's own id for it: stated twice, it counts once. */
    readonly idempotencyKey?: string,
  ) {
    super();
  }
}

export class RecordOutcomeHandler implements ICommandHandler<RecordOutcome> {
  static readonly handles = RecordOutcome;

  constructor(
    private readonly pool: Pool,
    private readonly log: EventLog,
  ) {}

  async execute({ lead, input, actor, idempotencyKey }: RecordOutcome): Promise<{ eventId: string }> {
    const { name, properties } = outcomeProperties(input);
    const key = await subjectKeyOf(this.pool, lead);
    const now = (await databaseNow(this.pool)).getTime();
    const event: LeadEvent = {
      id: idempotencyKey === undefined ? newId() : derivedId('outcome', key, encodeURIComponent(idempotencyKey)),
      type: 'outcome',
      source: 'api',
      occurredAt: now,
      receivedAt: now,
      ...fieldsOfKey(key),
      name,
      properties: { ...properties, actor },
    };
    return { eventId: await stateFact(this.log, event) };
  }
}

/** The outcome's name and what is said with it, validated. */
export function outcomeProperties(input: unknown): { name: string; properties: JsonObject } {
  const parsed = outcomeSchema.safeParse(input);
  if (!parsed.success) {
    const errors = parsed.error.issues.map((i) => ({ path: i.path.join('.'), code: i.code, message: i.message }));
    throw new DomainError('invalid-outcome', 'The outcome is not complete.', {
      status: 422,
      path: errors[0]?.path,
      errors,
    });
  }
  const { outcome, ...properties } = parsed.data;
  return { name: outcome, properties: properties as JsonObject };
}

/** The least strong key of the lead, else its least anonymousId: what decisions name as well. */
async function subjectKeyOf(pool: Pool, id: number): Promise<SubjectKey> {
  const keys = (await readLead(pool, { id }))?.keys ?? [];
  const key = keys.find(isStrong) ?? keys[0];
  if (key === undefined) throw new DomainError('lead-unknown', 'There is no such lead.', { status: 404 });
  return key;
}
