import { identityOf, isStrong, judge, type Judgements, type LeadEvent, type SubjectKey } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { plainArray, textArray } from '../store/arrays.js';
import { eventColumns, eventOf, type EventRow } from '../store/event.store.js';
import { statesIdentity } from './stating-events.query.js';

/** `now`: all that is known today of what had happened by then; `then`: only what was known by then. */
export type Knowledge = 'now' | 'then';

export interface Moment {
  /** ms. */
  at: number;
  knowledge: Knowledge;
}

export interface KnownEvent {
  event: LeadEvent;
  batch: number;
}

export interface PastEvents {
  /** Facts and decisions by the moment, and what states identity; of neighbours on a shared browser more than is needed. */
  events: KnownEvent[];
  judgements: Judgements;
  /** Batch of the latest judgement on an event: a link made by a verdict is not older than it. */
  judgedIn: ReadonlyMap<string, number>;
}

// $1 instant, $2 whether only what was known by then
const known = `(not $2::boolean or (e.occurred_at <= to_timestamp($1 / 1000.0) and b.known_at <= to_timestamp($1 / 1000.0)))`;

/**
 * Everything that a key's lead can be explained from, out of `event` alone: counters, links and identifications are of
 * today, and what was withdrawn since is no longer among them. Keys are followed along links, browsers only one step:
 * who else used one matters for whose its events are, not for who they are.
 */
export async function readPast(db: Queryable, key: SubjectKey, moment: Moment): Promise<PastEvents> {
  const found = new Map<string, KnownEvent>();
  const strong = new Set<SubjectKey>();
  const browsers = new Set<SubjectKey>();
  const fresh = new Set([key]);
  while (fresh.size > 0) {
    const keys = [...fresh];
    fresh.clear();
    for (const one of keys) (isStrong(one) ? strong : browsers).add(one);
    for (const row of await readNaming(db, keys, moment)) {
      found.set(row.event.id, row);
      for (const named of reachedBy(row.event, strong, key))
        if (!strong.has(named) && !browsers.has(named)) fresh.add(named);
    }
  }
  return { events: [...found.values()], ...(await readJudgements(db, [...found.keys()], moment)) };
}

/** A verdict may come or go, so a click is followed as if it were human. */
function reachedBy(event: LeadEvent, strong: ReadonlySet<SubjectKey>, asked: SubjectKey): SubjectKey[] {
  const { link, identifications } = identityOf(event, 'human');
  const reached = link && (strong.has(link.a) || strong.has(link.b)) ? [link.a, link.b] : [];
  for (const one of identifications) {
    if (strong.has(one.strong)) reached.push(`a:${one.anon}`);
    if (`a:${one.anon}` === asked) reached.push(one.strong);
  }
  return reached;
}

async function readNaming(
  db: Queryable,
  keys: readonly SubjectKey[],
  { at, knowledge }: Moment,
): Promise<KnownEvent[]> {
  const bare = (sort: string) => textArray(keys.filter((one) => one.startsWith(sort)).map((one) => one.slice(2)));
  const result = await db.query<EventRow>(
    `select ${eventColumns} from (
        select e.* from event e where e.uid = any($3::text[])
        union all select e.* from event e where e.email = any($4::text[]) and (e.uid is null or ${statesIdentity})
        union all select e.* from event e where e.anon = any($5::text[]) and e.uid is null and e.email is null
        union all select e.* from event e where e.anon = any($5::text[]) and e.anon is not null and (e.uid is not null or e.email is not null) and ${statesIdentity}
        union all select e.* from event e where e.body->>'otherKey' = any($6::text[]) and e.type in ('alias', 'merge', 'apart')
      ) e join batch b on b.id = e.batch
      where ${known} and (e.occurred_at <= to_timestamp($1 / 1000.0) or e.type = 'apart' or ${statesIdentity})`,
    [at, knowledge === 'then', bare('u:'), bare('e:'), bare('a:'), textArray(keys)],
  );
  return result.rows.map((row) => ({ event: eventOf(row), batch: row.batch }));
}

async function readJudgements(
  db: Queryable,
  eventIds: readonly string[],
  { at, knowledge }: Moment,
): Promise<Omit<PastEvents, 'events'>> {
  const result = await db.query<EventRow>(
    `with judging as not materialized (select e.* from event e join batch b on b.id = e.batch where e.kind in ('judgement', 'retraction') and ${known}),
      lower as (select j.* from unnest($3::uuid[]) as t(id) join judging j on j.refers_to = t.id)
      select ${eventColumns} from (select * from lower union all select j.* from lower l join judging j on j.refers_to = l.id where l.kind = 'judgement') e`,
    [at, knowledge === 'then', plainArray(eventIds)],
  );
  const events = result.rows.map((row) => ({ event: eventOf(row), batch: row.batch }));
  const judgedIn = new Map<string, number>();
  for (const { event, batch } of events)
    judgedIn.set(event.refersTo!, Math.max(batch, judgedIn.get(event.refersTo!) ?? 0));
  return { judgements: judge(events.map(({ event }) => event)), judgedIn };
}
