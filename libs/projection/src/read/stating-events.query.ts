import { isStrong, judge, type Judgements, type LeadEvent, type SubjectKey } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { plainArray, textArray } from '../store/arrays.js';
import { eventColumns, eventOf, type EventRow } from '../store/event.store.js';

/** What may say who is who: the predicate of `identityOf`, whatever was judged since. */
export const statesIdentity = `(e.type in ('identify', 'alias', 'merge') or (e.type = 'track' and (e.body->>'links' = 'true' or e.body->>'name' = 'Email Clicked')))`;

export interface StatingEvents {
  /** Newest first. */
  events: LeadEvent[];
  judgements: Judgements;
  /** Judgements of these events, newest last. */
  judging: LeadEvent[];
  /** ms, by the batch that stored the event. */
  knownAt: ReadonlyMap<string, number>;
}

/** The newest `limit` events that ever stated, in force or not, who these keys are; apart pairs among them. */
export async function readStating(db: Queryable, keys: readonly SubjectKey[], limit: number): Promise<StatingEvents> {
  const bare = (sort: string) => textArray(keys.filter((key) => key.startsWith(sort)).map((key) => key.slice(2)));
  const found = await db.query<EventRow & { knownAt: number }>(
    `select ${eventColumns}, (extract(epoch from b.known_at) * 1000)::bigint as "knownAt" from (
        select e.* from event e where e.uid = any($1::text[]) and (${statesIdentity} or e.type = 'apart')
        union select e.* from event e where e.email = any($2::text[]) and (${statesIdentity} or e.type = 'apart')
        union select e.* from event e where e.anon = any($3::text[]) and e.anon is not null and (e.uid is not null or e.email is not null) and ${statesIdentity}
        union select e.* from event e where e.body->>'otherKey' = any($4::text[]) and e.type in ('alias', 'merge', 'apart')
      ) e join batch b on b.id = e.batch order by e.occurred_at desc, e.id desc limit $5`,
    [bare('u:'), bare('e:'), bare('a:'), textArray(keys.filter(isStrong)), limit],
  );
  const events = found.rows.map(eventOf);
  const judging = await readJudging(
    db,
    events.map((event) => event.id),
  );
  return {
    events,
    judging,
    judgements: judge(judging),
    knownAt: new Map(found.rows.map((row) => [row.id, row.knownAt])),
  };
}

/** Judgements of these events and of their judgements, as far as they are applied; oldest first. */
export async function readJudging(db: Queryable, eventIds: readonly string[]): Promise<LeadEvent[]> {
  if (eventIds.length === 0) return [];
  const result = await db.query<EventRow>(
    `with lower as (select j.* from unnest($1::uuid[]) as t(id) join event j on j.refers_to = t.id and j.kind in ('judgement', 'retraction')),
      upper as (select j.* from lower l join event j on j.refers_to = l.id and j.kind = 'retraction' where l.kind = 'judgement')
      select ${eventColumns} from (select * from lower union all select * from upper) e
      where not exists (select 1 from unapplied_judgement u where u.event = e.id) order by e.occurred_at, e.id`,
    [plainArray(eventIds)],
  );
  return result.rows.map(eventOf);
}
