import { driveClock } from '#libs/platform';
import { pidsOf, until } from '../support/bench-system.js';
import { peakMb, startCpu } from '../support/cpu.js';
import { notePeak } from '../support/peaks.js';
import { patientPool, peopled } from '../support/peopled.js';
import { isClean, median } from '../support/ratio.js';
import { rateOf } from '../support/report.js';
import type { Row } from '../support/row.js';
import { whatDiffers } from './rulebook.js';

const goalPerSecond = 10_000;
const day = 24 * 3_600_000;

/** Due leads a second: the clock jumps, everything whose next change lay in between is due at once. */
export const review: Row = async (bench) => {
  const crowd = await peopled(bench, bench.options.quick ? 20_000 : 100_000, {
    apps: ['projector'],
    env: { ALLOW_DRIVEN_CLOCK: 'true' },
  });
  const { place, system } = crowd;
  const pool = patientPool(place);
  try {
    const rates: number[] = [];
    const cleans: boolean[] = [];
    let now = Date.now();
    for (let rep = 1; rep <= Math.min(3, bench.options.reps); rep++) {
      const next = await pool.query<{ at: Date }>(
        `select percentile_disc(0.9) within group (order by next_change_at) as at from lead_rank where next_change_at < 'infinity'`,
      );
      now = Math.max(now + day, next.rows[0]!.at.getTime() + 1);
      const dueBy = 'select count(*)::int as n from lead_rank where next_change_at <= $1';
      const due = (await pool.query<{ n: number }>(dueBy, [new Date(now)])).rows[0]!.n;
      const cpu = startCpu({ bench: process.pid, ...bench.servicePids, ...pidsOf(system) });
      const started = performance.now();
      await driveClock(place.pool, new Date(now));
      const some = 'select exists (select 1 from lead_rank where next_change_at <= leadfold_now()) as some';
      await until(
        'nothing is due',
        600_000,
        async () => !(await pool.query<{ some: boolean }>(some)).rows[0]!.some,
        50,
      );
      const seconds = (performance.now() - started) / 1000;
      const reading = cpu.read();
      rates.push(due / seconds);
      cleans.push(isClean(reading));
      bench.report({
        bench: 'review',
        rep,
        due,
        seconds,
        perSecond: due / seconds,
        cpu: reading.seconds,
        clean: isClean(reading),
      });
    }
    const differ = await whatDiffers(crowd);
    for (const [name, pid] of Object.entries(pidsOf(system))) notePeak(name, 'review', peakMb(pid));
    const rate = median(rates);
    return [
      {
        row: 'review',
        measured: `${rateOf(rate)} due leads/s`,
        floor: '–',
        result: `${rateOf(rate)}/s (${rateOf(Math.min(...rates))}–${rateOf(Math.max(...rates))})`,
        must: '–',
        goal: `≥ ${rateOf(goalPerSecond)}/s`,
        verdict: differ ? 'wrong' : rate >= goalPerSecond ? 'goal' : 'below',
        note: `${cleans.filter(Boolean).length} of ${rates.length} reps clean${differ ? `; ${differ}` : ''}`,
      },
    ];
  } finally {
    await pool.end();
    await crowd.end();
  }
};
