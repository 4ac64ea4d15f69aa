import type { Queryable } from '#libs/platform';
import { plainArray } from '../store/arrays.js';
import { eventColumns, eventOwner, type TimelineEvent } from './timeline.query.js';

const actions = "e.kind in ('behaviour', 'identity')";
const newest = 'order by e.occurred_at desc, e.id desc limit $2';

/**
 * What leads did last, newest first, by the id asked for. One statement for all, and by each key's own newest events: an
 * alert neither waits for nor reads the whole life of a lead.
 */
export async function readLastActions(
  db: Queryable,
  leads: readonly number[],
  limit: number,
): Promise<Map<number, TimelineEvent[]>> {
  const result = await db.query<TimelineEvent & { asked: number }>(
    `with root as materialized (
        select t.id as asked, coalesce(l.merged_into, l.id) as id from unnest($1::bigint[]) as t(id) join lead l on l.id = t.id),
      member as (select asked, id as lead from root union all select r.asked, l.id from root r join lead l on l.merged_into = r.id),
      held as materialized (
        select m.asked, s.key, substr(s.key, 3) as bare, left(s.key, 2) as sort from member m join subject_key s on s.lead = m.lead),
      browser as materialized (
        select asked, bare as anon from held where sort = 'a:'
        union select h.asked, i.anon from held h join identification i on i.strong = h.key where h.sort <> 'a:'),
      done as (
        select h.asked, e.* from held h, lateral (
          select ${eventColumns} from event e where e.uid = h.bare and ${actions} ${newest}) e where h.sort = 'u:'
        union all select h.asked, e.* from held h, lateral (
          select ${eventColumns} from event e where e.email = h.bare and e.uid is null and ${actions} ${newest}) e where h.sort = 'e:'
        union all select b.asked, e.* from browser b, lateral (
          select ${eventColumns} from event e where e.anon = b.anon and e.uid is null and e.email is null and ${actions}
            and exists (select 1 from held where held.asked = b.asked and held.key = ${eventOwner}) ${newest}) e)
      select asked, id, kind, type, source, "occurredAt", "receivedAt", "refersTo", body from (
        select *, row_number() over (partition by asked order by "occurredAt" desc, id desc) as nth from done) ranked
      where nth <= $2 order by asked, nth`,
    [plainArray([...new Set(leads)]), limit],
  );
  const found = new Map<number, TimelineEvent[]>();
  for (const { asked, ...event } of result.rows) found.set(asked, [...(found.get(asked) ?? []), event]);
  return found;
}
