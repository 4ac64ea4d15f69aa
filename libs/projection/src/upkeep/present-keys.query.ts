import type { SubjectKey } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { plainArray } from '../store/arrays.js';

/**
 * The keys of root leads as the state hash names them: those that a present event's primary key, a link or an identification
 * names. A key that only withdrawn events ever named keeps its lead id, but is not there.
 */
export async function presentKeys(db: Queryable, roots: Iterable<number>): Promise<Map<number, SubjectKey[]>> {
  const result = await db.query<{ root: number; key: string }>(
    `with root as (select id from unnest($1::bigint[]) as t(id)),
      member as (select r.id as root, r.id as lead from root r union all select r.id, l.id from root r join lead l on l.merged_into = r.id),
      held as (select m.root, s.key, substr(s.key, 3) as bare, left(s.key, 2) as sort from member m join subject_key s on s.lead = m.lead)
      select h.root, h.key from held h
      where exists (select 1 from link k where k.a = h.key and k.state <> 'withdrawn') or exists (select 1 from link k where k.b = h.key and k.state <> 'withdrawn')
        or exists (select 1 from identification i where i.strong = h.key) or exists (select 1 from skipped_identification i where i.strong = h.key)
        or (h.sort = 'u:' and exists (select 1 from event e where e.uid = h.bare and ${present}))
        or (h.sort = 'e:' and exists (select 1 from event e where e.email = h.bare and e.uid is null and ${present}))
        or (h.sort = 'a:' and exists (select 1 from event e where e.anon = h.bare and e.uid is null and e.email is null and ${present}))`,
    [plainArray([...roots])],
  );
  const keys = new Map<number, SubjectKey[]>();
  for (const row of result.rows) keys.set(row.root, [...(keys.get(row.root) ?? []), row.key]);
  return keys;
}

const present = `e.kind not in ('judgement', 'retraction', 'decision') and (
  select r.body->>'name' from event r where r.refers_to = e.id and r.type = 'retraction' and r.body->>'name' in ('withdrawn', 'restored')
  order by r.occurred_at desc, r.id desc limit 1) is distinct from 'withdrawn'`;
