import type { Queryable } from '#libs/platform';
import { plainArray } from '../store/arrays.js';
import { eventColumns, eventOwner, type TimelineCursor, type TimelineEvent } from './timeline.query.js';

export type MemberEvent = TimelineEvent & { lead: number };

// each key gives no more than a page, newest first, along its own index
const page = `and ($2::float8 is null or (e.occurred_at, e.id) < (to_timestamp($2 / 1000.0), $3::uuid))
  and (e.kind <> 'decision' or e.body->>'decision' <> 'memory') order by e.occurred_at desc, e.id desc limit $4`;

/** What several leads did and what was decided about them, newest first, each under its own lead. */
export async function readMembersTimeline(
  db: Queryable,
  leads: readonly number[],
  { before, limit }: { before?: TimelineCursor; limit: number },
): Promise<{ events: MemberEvent[]; next?: TimelineCursor }> {
  const result = await db.query<MemberEvent>(
    `with root as (select distinct coalesce(merged_into, id) as id from lead where id = any($1::bigint[])),
      member as (select id as root, id as lead from root union all select r.id, l.id from root r join lead l on l.merged_into = r.id),
      held as materialized (select m.root, s.key, substr(s.key, 3) as bare, left(s.key, 2) as sort from member m join subject_key s on s.lead = m.lead),
      browser as (select bare as anon from held where sort = 'a:' union select i.anon from held h join identification i on i.strong = h.key where h.sort <> 'a:')
      select * from (
        select h.root as lead, e.* from held h cross join lateral (select ${eventColumns} from event e where e.uid = h.bare ${page}) e where h.sort = 'u:'
        union all select h.root, e.* from held h cross join lateral (select ${eventColumns} from event e where e.email = h.bare and e.uid is null ${page}) e where h.sort = 'e:'
        union all select b.root, b.id, b.kind, b.type, b.source, b."occurredAt", b."receivedAt", b."refersTo", b.body from (
          select e.* from browser b cross join lateral (select o.root, ${eventColumns} from event e join held o on o.key = ${eventOwner}
            where e.anon = b.anon and e.uid is null and e.email is null ${page}) e) b
      ) as timeline order by "occurredAt" desc, id desc limit $4`,
    [plainArray(leads), before?.occurredAt ?? null, before?.id ?? null, limit + 1],
  );
  const events = result.rows.slice(0, limit);
  const last = events.at(-1);
  return result.rows.length > limit && last
    ? { events, next: { occurredAt: last.occurredAt, id: last.id } }
    : { events };
}
