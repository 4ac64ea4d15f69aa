import type { Pool } from '#libs/platform';
import type { Findings } from '../findings.js';

/** I9, I18: decisions are there once, say what the leads remember, and each crossing became its alerts. */
export async function verifyDecisions(pool: Pool, channels: string[], findings: Findings): Promise<number> {
  const count = await pool.query<{ n: number; hot: number; loud: number }>(
    `select count(*) as n, count(*) filter (where body->>'decision' = 'hot') as hot,
       count(*) filter (where body->>'decision' = 'hot' and not (body->>'quiet')::boolean) as loud
     from event where kind = 'decision'`,
  );
  const { n, hot, loud } = count.rows[0]!;
  const doubled = await pool.query(
    `select coalesce('u:' || uid, 'e:' || email, 'a:' || anon) as key, body->>'decision' as decision, body->>'epoch' as epoch, body->>'seq' as seq, count(*)
     from event where kind = 'decision' group by 1, 2, 3, 4 having count(*) > 1`,
  );
  findings.none('I9: each decision is recorded once', doubled.rows, `${n} decisions, ${hot} crossings (${loud} loud)`);
  const forgotten = await pool.query(
    `with decided as (
       select k.lead, count(*) as crossings, max((e.body->>'epoch')::int) as epoch
       from event e join subject_key k on k.key = coalesce('u:' || e.uid, 'e:' || e.email, 'a:' || e.anon)
       where e.kind = 'decision' and e.body->>'decision' = 'hot' group by k.lead)
     select l.id, l.memory->>'epoch' as remembered, d.crossings, d.epoch from lead l left join decided d on d.lead = l.id
     where l.merged_into is null and not exists (select 1 from lead m where m.merged_into = l.id)
       and (l.memory->>'epoch')::int < coalesce(d.epoch, 0)`,
  );
  findings.none('I9: what leads remember is what was decided', forgotten.rows);
  const unnoticed = await pool.query(
    `select e.id from event e where e.kind = 'decision' and e.body->>'decision' = 'hot'
       and not exists (select 1 from outbox o where o.event = e.id and o.kind = 'crossing' and o.taken_at is not null)`,
  );
  findings.none('every crossing gave one notice, and it was taken', unnoticed.rows);
  const wrong = await pool.query(
    `select e.id, c.channel, count(d.id) as rows from event e cross join unnest($1::text[]) as c(channel)
       left join delivery d on d.crossing = e.id and d.channel = c.channel
     where e.kind = 'decision' and e.body->>'decision' = 'hot' group by e.id, c.channel having count(d.id) <> 1`,
    [channels],
  );
  findings.none('I17, I18: every crossing has exactly one alert row per channel', wrong.rows, `${hot} × ${channels.length}`);
  const loudness = await pool.query(
    `select d.id, d.state, d.reason, e.body->>'quiet' as quiet from delivery d join event e on e.id = d.crossing
     where ((e.body->>'quiet')::boolean) <> (d.state = 'suppressed' and d.reason like 'quiet:%')`,
  );
  findings.none('I18: quiet crossings are suppressed, with their reason, and no others', loudness.rows, `${hot - loud} quiet`);
  return loud;
}
