import { primaryKeyOf, type EventKind, type EventType, type SubjectKey } from '#libs/leads/domain';
import type { PoolClient } from '#libs/platform';
import type { Person } from './person.query.js';

/** What was removed, as far as it has to be counted and followed. */
export interface RemovedFact {
  id: string;
  kind: EventKind;
  type: EventType;
  /** The organisation's day on which it occurred. */
  day: string;
  /** What was decided: `<decision>:<name>`. */
  decision: string | null;
  /** An open or click in a mail, or judged: a judgement of it may come, or come again. */
  judged: boolean;
  email: string | null;
  /** Its subject key, and browser, where these are not the person's own. */
  otherKey?: SubjectKey;
  otherBrowser?: string;
}

type Row = Omit<RemovedFact, 'judged' | 'otherKey' | 'otherBrowser'> & {
  anon: string | null;
  uid: string | null;
  hit: boolean;
  refersTo: string | null;
};

const bare = (keys: readonly SubjectKey[], sort: string): string[] =>
  keys.filter((key) => key.startsWith(sort)).map((key) => key.slice(2));

/**
 * Removes up to `limit` events that are this person's or name one of the keys, with every judgement about them. An event of
 * somebody else's that names this person as well goes too: it could not be kept without the name.
 */
export function removeFacts(
  client: PoolClient,
  { keys, shared }: Person,
  zone: string,
  limit: number,
): Promise<RemovedFact[]> {
  const time = (ms: number | null, unset: string): string => (ms === null ? unset : new Date(ms).toISOString());
  const theirs = `select e.id from unnest($3::text[]) as k(v) join event e on e.uid = k.v
    union select e.id from unnest($4::text[]) as k(v) join event e on e.email = k.v
    union select e.id from unnest($5::text[]) as k(v) join event e on e.anon = k.v and e.uid is null and e.email is null
    union select e.id from unnest($1::text[]) as k(v) join event e on e.body->>'otherKey' = k.v and e.type in ('alias', 'merge', 'apart')
    union select e.id from unnest($6::text[], $7::timestamptz[], $8::timestamptz[]) as s(anon, lower, upper)
      join event e on e.anon = s.anon and e.uid is null and e.email is null and e.occurred_at >= s.lower and e.occurred_at < s.upper
    limit $9`;
  return removeThose(client, keys, zone, theirs, [
    ...[bare(keys, 'u:'), bare(keys, 'e:'), bare(keys, 'a:'), shared.map((part) => part.anon)],
    shared.map((part) => time(part.from, '-infinity')),
    shared.map((part) => time(part.until, 'infinity')),
    limit,
  ]);
}

const blocks = 4_000;

/**
 * As above for events that hold one of these texts anywhere, confirmed by its pattern: block by block; `next` is where to go on.
 */
export async function removeMentions(
  client: PoolClient,
  { keys }: Person,
  zone: string,
  mentions: readonly { text: string; pattern: string }[],
  from: number,
): Promise<{ removed: RemovedFact[]; next?: number }> {
  const size = await client.query<{ blocks: number }>(
    `select pg_relation_size('event') / current_setting('block_size')::int as blocks`,
  );
  const theirs = `select e.id from event e where e.ctid >= format('(%s,0)', $3::bigint)::tid and e.ctid < format('(%s,0)', $4::bigint)::tid
    and exists (select 1 from unnest($5::text[], $6::text[]) as t(text, pattern)
      where position(t.text in lower(e.body::text)) > 0 and lower(e.body::text) ~ t.pattern)`;
  const removed = await removeThose(client, keys, zone, theirs, [
    ...[from, from + blocks],
    mentions.map((mention) => mention.text),
    mentions.map((mention) => mention.pattern),
  ]);
  return from + blocks < size.rows[0]!.blocks ? { removed, next: from + blocks } : { removed };
}

/** `theirs` selects ids; its own values begin at $3, after the keys and the zone. */
async function removeThose(
  client: PoolClient,
  keys: readonly SubjectKey[],
  zone: string,
  theirs: string,
  values: unknown[],
): Promise<RemovedFact[]> {
  const result = await client.query<Row>(
    `with theirs as (${theirs}),
      judging as (select e.id from theirs t join event e on e.refers_to = t.id),
      above as (select e.id from judging j join event e on e.refers_to = j.id)
      delete from event e where $1::text[] is not null
        and e.id in (select id from theirs union select id from judging union select id from above)
      returning e.id, e.kind, e.type, e.anon, e.uid, e.email, e.refers_to as "refersTo", to_char(e.occurred_at at time zone $2, 'YYYY-MM-DD') as day,
        case when e.kind = 'decision' then e.body->>'decision' || ':' || coalesce(e.body->>'name', '') end as decision,
        e.source = 'collector' and e.body->>'name' in ('Email Opened', 'Email Clicked') as hit`,
    [keys, zone, ...values],
  );
  const ids = result.rows.map((row) => row.id);
  await client.query('delete from unapplied_judgement where event = any($1::uuid[]) or target = any($1::uuid[])', [
    ids,
  ]);
  const own = new Set(keys);
  const judged = new Set(result.rows.map((row) => row.refersTo));
  return result.rows.map(({ anon, uid, hit, refersTo: _, ...row }) => {
    const key = primaryKeyOf({
      userId: uid ?? undefined,
      email: row.email ?? undefined,
      anonymousId: anon ?? undefined,
    });
    const foreign = key !== undefined && !own.has(key);
    const browser = anon !== null && !own.has(`a:${anon}`);
    return {
      ...row,
      judged: hit || judged.has(row.id),
      ...(foreign ? { otherKey: key } : {}),
      ...(browser ? { otherBrowser: anon } : {}),
    };
  });
}
