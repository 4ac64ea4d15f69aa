import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { EventLog } from '#libs/event-log';
import { fieldsOfKey, stateFact, type JsonObject, type LeadEvent } from '#libs/leads';
import { audit, databaseNow, DomainError, eventIdOf, inTransaction, newId, type Pool } from '#libs/platform';
import type { MergeRequest, RetractionRequest, UnmergeRequest } from './identity.dto.js';

export type IdentityJudgement =
  | ({ kind: 'merge' } & MergeRequest)
  | ({ kind: 'unmerge' } & UnmergeRequest)
  | ({ kind: 'retraction' } & RetractionRequest);

/** An operator's word about who is who, or that an event is not to count. Stated on the log; everything derived follows. */
export class JudgeIdentity extends Command<{ events: string[] }> {
  constructor(
    readonly judgement: IdentityJudgement,
    readonly actor: string,
  ) {
    super();
  }
}

type Fact = Partial<LeadEvent> & Pick<LeadEvent, 'type'>;

@CommandHandler(JudgeIdentity)
export class JudgeIdentityHandler implements ICommandHandler<JudgeIdentity> {
  constructor(
    private readonly pool: Pool,
    private readonly log: EventLog,
  ) {}

  async execute({ judgement, actor }: JudgeIdentity) {
    if (judgement.kind !== 'merge') await this.refuseUnknownTarget(judgement.event, judgement.kind);
    const now = (await databaseNow(this.pool)).getTime();
    const properties: JsonObject = { reason: judgement.reason, actor };
    const facts = factsOf(judgement).map((fact) => ({ ...fact, id: eventIdOf('api', newId()) }));
    // one transaction around both: without the fact there is no audit row, and the other way round
    await inTransaction(this.pool, async (client) => {
      await audit(client, { actor, action: `identity.${judgement.kind}`, target: facts[0]!.id, details: judgement });
      for (const fact of facts)
        await stateFact(this.log, { source: 'api', occurredAt: now, receivedAt: now, properties, ...fact });
    });
    return { events: facts.map((fact) => fact.id) };
  }

  private async refuseUnknownTarget(event: string, kind: string): Promise<void> {
    const found = await this.pool.query<{ type: string }>(
      "select type from event where id = $1 and kind <> 'decision'",
      [event],
    );
    if (!found.rows[0])
      throw new DomainError('event-unknown', 'No stored event has this id.', { status: 404, path: 'event' });
    if (kind === 'retraction' && found.rows[0].type === 'retraction')
      throw new DomainError('not-retractable', 'A retraction is undone by another: state it about the event itself.', {
        path: 'event',
      });
  }
}

function factsOf(judgement: IdentityJudgement): Fact[] {
  switch (judgement.kind) {
    case 'merge':
      return [{ type: 'merge', ...fieldsOfKey(judgement.keys[0]), otherKey: judgement.keys[1] }];
    case 'retraction':
      return [{ type: 'retraction', name: judgement.withdrawn ? 'withdrawn' : 'restored', refersTo: judgement.event }];
    case 'unmerge': {
      // apart first: a site's identify that arrives between the two facts must not join them again
      const apart = judgement.keepApart;
      const unmerge: Fact = { type: 'unmerge', refersTo: judgement.event };
      return apart ? [{ type: 'apart', ...fieldsOfKey(apart[0]), otherKey: apart[1] }, unmerge] : [unmerge];
    }
  }
}
