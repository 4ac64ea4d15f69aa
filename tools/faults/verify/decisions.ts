import { canonicalJson, freshMemory, type LeadMemory } from '#libs/leads/domain';
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
     from event where kind = 'decision' and body->>'decision' in ('hot', 'stage', 'segment') group by 1, 2, 3, 4 having count(*) > 1`,
  );
  findings.none('I9: each decision is recorded once', doubled.rows, `${n} decisions, ${hot} crossings (${loud} loud)`);
  findings.none('I9: every lead remembers exactly what the record of its decisions says', await forgetful(pool));
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
  findings.none(
    'I17, I18: every crossing has exactly one alert row per channel',
    wrong.rows,
    `${hot} × ${channels.length}`,
  );
  const loudness = await pool.query(
    `select d.id, d.state, d.reason, e.body->>'quiet' as quiet from delivery d join event e on e.id = d.crossing
     where ((e.body->>'quiet')::boolean) <> (d.state = 'suppressed' and d.reason like 'quiet:%')`,
  );
  findings.none(
    'I18: quiet crossings are suppressed, with their reason, and no others',
    loudness.rows,
    `${hot - loud} quiet`,
  );
  return loud;
}

interface Remembered {
  lead: number;
  memory: LeadMemory;
  /** That of the greatest revision among the decisions that name any of the lead's keys. */
  recorded: LeadMemory | null;
}

async function forgetful(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<Remembered>(
    `with root as (select id, coalesce(merged_into, id) as root from lead),
       said as (
         select distinct on (r.root) r.root, e.body->'memory' as memory
         from event e join subject_key k on k.key = coalesce('u:' || e.uid, 'e:' || e.email, 'a:' || e.anon) join root r on r.id = k.lead
         where e.kind = 'decision' and e.body ? 'memory' order by r.root, (e.body->'memory'->>'revision')::int desc)
     select l.id as lead, l.memory, s.memory as recorded from lead l left join said s on s.root = l.id where l.merged_into is null`,
  );
  return rows
    .filter(({ memory, recorded }) => textOf(memory) !== textOf(recorded ?? freshMemory()))
    .map(
      ({ lead, memory, recorded }) =>
        `lead ${lead} has ${textOf(memory)}, recorded ${textOf(recorded ?? freshMemory())}`,
    );
}

/** A lead about which nothing was decided stands in the first stage without a record. */
const textOf = ({ revision: _, ...memory }: LeadMemory): string =>
  canonicalJson({ ...memory, stage: memory.stage ?? 'visitor' });
