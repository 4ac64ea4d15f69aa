import type { JsonObject } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';

export interface TimelineRow {
  id: string;
  kind: string;
  type: string;
  source: string;
  occurredAt: Date;
  receivedAt: Date;
  refersTo: string | null;
  body: JsonObject;
  /** Later events that judge this one: verdicts, withdrawals, un-merges; oldest first. */
  judgements: { id: string; type: string; name: string | null; occurredAt: string }[];
}

export interface TimelineOptions {
  limit: number;
  /** Sort keys of the last row of the page before. */
  before?: { occurredAt: string; id: string };
  /** Only these kinds of events. */
  kinds?: string[];
}

/**
 * A root lead's events, newest first: those of its strong keys, and those of its browsers that ownership by time gives to it
 * (the latest identification at or before the event, else the earliest after it).
 */
export async function readTimeline(db: Queryable, root: number, options: TimelineOptions): Promise<TimelineRow[]> {
  const rows = await db.query<TimelineRow>(
    `with held as (
       select s.key, substr(s.key, 3) as bare, left(s.key, 2) as sort
       from subject_key s join lead l on l.id = s.lead where l.id = $1 or l.merged_into = $1
     ), browser as (
       select bare as anon from held where sort = 'a:'
       union select i.anon from held h join identification i on i.strong = h.key where h.sort <> 'a:'
     ), own as (
       select e.* from held h join event e on e.uid = h.bare where h.sort = 'u:'
       union all select e.* from held h join event e on e.email = h.bare and e.uid is null where h.sort = 'e:'
       union all select e.* from browser b join event e on e.anon = b.anon and e.uid is null and e.email is null
       where coalesce(
         (select i.strong from identification i where i.anon = e.anon and i.at <= e.occurred_at order by i.at desc, i.event desc limit 1),
         (select i.strong from identification i where i.anon = e.anon and i.at > e.occurred_at order by i.at, i.event limit 1),
         'a:' || e.anon) in (select key from held)
     )
     select e.id, e.kind, e.type, e.source, e.occurred_at as "occurredAt", e.received_at as "receivedAt", e.refers_to as "refersTo", e.body,
       coalesce((select json_agg(json_build_object('id', j.id, 'type', j.type, 'name', j.body ->> 'name', 'occurredAt', j.occurred_at) order by j.occurred_at, j.id)
         from event j where j.refers_to = e.id and j.kind in ('judgement', 'retraction')), '[]') as judgements
     from own e
     where ($3::timestamptz is null or (e.occurred_at, e.id) < ($3, $4::uuid)) and ($5::text[] is null or e.kind = any($5))
     order by e.occurred_at desc, e.id desc limit $2`,
    [root, options.limit, options.before?.occurredAt ?? null, options.before?.id ?? null, options.kinds ?? null],
  );
  return rows.rows;
}
