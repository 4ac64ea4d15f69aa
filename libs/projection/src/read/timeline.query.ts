import type { EventKind, EventType, JsonObject } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';

export interface TimelineEvent {
  id: string;
  kind: EventKind;
  type: EventType;
  source: string;
  /** ms. */
  occurredAt: number;
  receivedAt: number;
  refersTo: string | null;
  body: JsonObject;
}

export interface TimelineCursor {
  occurredAt: number;
  id: string;
}

const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint`;
export const eventColumns = `e.id, e.kind, e.type, e.source, ${ms('e.occurred_at')} as "occurredAt", ${ms('e.received_at')} as "receivedAt", e.refers_to as "refersTo", e.body`;
const before = `($2::float8 is null or (e.occurred_at, e.id) < (to_timestamp($2 / 1000.0), $3::uuid))`;

/** The owner by time, as the fold derives it: the latest identification at or before the event, else the earliest after. */
export const eventOwner = `coalesce(
  (select i.strong from identification i where i.anon = e.anon and i.at <= e.occurred_at order by i.at desc, i.event desc limit 1),
  (select i.strong from identification i where i.anon = e.anon and i.at > e.occurred_at order by i.at, i.event limit 1), 'a:' || e.anon)`;

/** Newest first: what the lead did, what was judged about it (judgements name no key: `refersTo`), what was decided. */
export async function readTimeline(
  db: Queryable,
  lead: number,
  page: { before?: TimelineCursor; limit: number },
): Promise<{ events: TimelineEvent[]; next?: TimelineCursor }> {
  const result = await db.query<TimelineEvent>(
    `with root as (select coalesce(merged_into, id) as id from lead where id = $1),
      member as (select id as lead from root union all select l.id from root r join lead l on l.merged_into = r.id),
      held as (select s.key, substr(s.key, 3) as bare, left(s.key, 2) as sort from member m join subject_key s on s.lead = m.lead),
      browser as (select bare as anon from held where sort = 'a:' union select i.anon from held h join identification i on i.strong = h.key where h.sort <> 'a:')
      select * from (
        select ${eventColumns} from held h join event e on e.uid = h.bare where h.sort = 'u:' and ${before}
        union all select ${eventColumns} from held h join event e on e.email = h.bare and e.uid is null where h.sort = 'e:' and ${before}
        union all select ${eventColumns} from browser b join event e on e.anon = b.anon and e.uid is null and e.email is null
          where ${before} and ${eventOwner} in (select key from held)) as timeline
      where kind <> 'decision' or body->>'decision' <> 'memory'
      order by "occurredAt" desc, id desc limit $4`,
    [lead, page.before?.occurredAt ?? null, page.before?.id ?? null, page.limit + 1],
  );
  const events = result.rows.slice(0, page.limit);
  const last = events.at(-1);
  return result.rows.length > page.limit && last
    ? { events, next: { occurredAt: last.occurredAt, id: last.id } }
    : { events };
}

const firstPollMs = 5;
const longestPollMs = 100;

/** Stored is folded: one transaction does both. False when it did not come in time. */
export async function waitForEvent(db: Queryable, eventId: string, timeoutMs: number): Promise<boolean> {
  const until = performance.now() + timeoutMs;
  for (let pollMs = firstPollMs; ; pollMs = Math.min(pollMs * 1.5, longestPollMs)) {
    const found = await db.query('select 1 from event where id = $1', [eventId]);
    if (found.rowCount) return true;
    const left = until - performance.now();
    if (left <= 0) return false;
    await new Promise((resolve) => setTimeout(resolve, Math.min(pollMs, left)));
  }
}
