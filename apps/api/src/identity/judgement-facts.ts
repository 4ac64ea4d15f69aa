import { fieldsOfKey, type JsonObject, type LeadEvent } from '#libs/leads/domain';
import { databaseNow, DomainError, eventIdOf, newId, type Pool } from '#libs/platform';
import type { ApartRequest, LiftRequest, MergeRequest, RetractionRequest, UnmergeRequest } from './identity.dto.js';

export type IdentityJudgement =
  | ({ kind: 'merge' } & MergeRequest)
  | ({ kind: 'unmerge' } & UnmergeRequest)
  | ({ kind: 'retraction' } & RetractionRequest)
  | ({ kind: 'apart' } & ApartRequest)
  | ({ kind: 'lift'; event: string } & LiftRequest);

/** The facts that an operator's word is stated as; a preview asks what the very same ones would do. */
export async function factsOf(pool: Pool, judgement: IdentityJudgement, actor: string): Promise<LeadEvent[]> {
  await refuseUnknownTarget(pool, judgement);
  const now = (await databaseNow(pool)).getTime();
  const properties: JsonObject = { reason: judgement.reason, actor };
  return saying(judgement).map((fact) => ({
    source: 'api',
    occurredAt: now,
    receivedAt: now,
    properties,
    ...fact,
    id: eventIdOf('api', newId()),
  }));
}

type Fact = Partial<LeadEvent> & Pick<LeadEvent, 'type'>;

function saying(judgement: IdentityJudgement): Fact[] {
  switch (judgement.kind) {
    case 'merge':
    case 'apart':
      return [{ type: judgement.kind, ...fieldsOfKey(judgement.keys[0]), otherKey: judgement.keys[1] }];
    case 'retraction':
      return [{ type: 'retraction', name: judgement.withdrawn ? 'withdrawn' : 'restored', refersTo: judgement.event }];
    case 'lift':
      return [{ type: 'retraction', name: 'withdrawn', refersTo: judgement.event }];
    case 'unmerge': {
      // apart first: a site's identify that arrives between the two facts must not join them again
      const apart = judgement.keepApart;
      const unmerge: Fact = { type: 'unmerge', refersTo: judgement.event };
      return apart ? [{ type: 'apart', ...fieldsOfKey(apart[0]), otherKey: apart[1] }, unmerge] : [unmerge];
    }
  }
}

async function refuseUnknownTarget(pool: Pool, judgement: IdentityJudgement): Promise<void> {
  if (judgement.kind === 'merge' || judgement.kind === 'apart') return;
  if (judgement.kind === 'lift') {
    const held = await pool.query('select 1 from apart where event = $1', [judgement.event]);
    if (!held.rowCount)
      throw new DomainError('apart-unknown', 'No two keys are held apart by this event.', {
        status: 404,
        path: 'event',
      });
    return;
  }
  const found = await pool.query<{ type: string }>("select type from event where id = $1 and kind <> 'decision'", [
    judgement.event,
  ]);
  if (!found.rows[0])
    throw new DomainError('event-unknown', 'No stored event has this id.', { status: 404, path: 'event' });
  if (judgement.kind === 'retraction' && found.rows[0].type === 'retraction')
    throw new DomainError('not-retractable', 'A retraction is undone by another: state it about the event itself.', {
      path: 'event',
    });
}
