import { ProjectionContext, verify } from '#libs/projection';
import { createApiKey } from '../../apps/api/src/access/api-key.store.js';
import { pidsOf, until } from '../support/bench-system.js';
import { peakMb, startCpu } from '../support/cpu.js';
import { foldLags, LiveStream } from '../support/live-stream.js';
import { zone } from '../support/oracle.js';
import { notePeak } from '../support/peaks.js';
import { otherPoints, peopled, publishOther, type Peopled } from '../support/peopled.js';
import { isClean, median } from '../support/ratio.js';
import { rateOf } from '../support/report.js';
import type { Bench, Row } from '../support/row.js';

const livePerSecond = 200;
const publishMustSeconds = 30;
const compareMustSeconds = 10;
const leadsOf = (bench: Bench) => (bench.options.quick ? 20_000 : 100_000);

/** A rulebook that changes only points, over all leads, while events flow in. */
export const publishPoints: Row = async (bench) => {
  const crowd = await peopled(bench, leadsOf(bench), { apps: ['projector'] });
  const { place, leads, system } = crowd;
  const stream = new LiveStream(place, { perSecond: livePerSecond, leads: 20_000, seed: 9 });
  try {
    const took: number[] = [];
    const cleans: boolean[] = [];
    let lags = { p50: 0, p99: 0, max: 0, events: 0 };
    for (let rep = 1; rep <= Math.min(3, bench.options.reps); rep++) {
      const cpu = startCpu({ bench: process.pid, ...bench.servicePids, ...pidsOf(system) });
      const since = Date.now();
      const started = performance.now();
      const version = await publishOther(place);
      const left = `select exists (select 1 from lead where rulebook > 0 and rulebook <> $1 and merged_into is null and not mixed) as some`;
      const some = async () => (await place.pool.query<{ some: boolean }>(left, [version])).rows[0]!.some;
      await until('every lead is derived anew', 600_000, async () => !(await some()), 100);
      const seconds = (performance.now() - started) / 1000;
      const reading = cpu.read();
      lags = await foldLags(place, since);
      took.push(seconds);
      cleans.push(isClean(reading));
      bench.report({
        bench: 'publish',
        rep,
        leads,
        seconds,
        liveLagMs: lags,
        cpu: reading.seconds,
        clean: isClean(reading),
      });
    }
    await stream.stop();
    const differ = await whatDiffers(crowd);
    for (const [name, pid] of Object.entries(pidsOf(system))) notePeak(name, 'publish', peakMb(pid));
    const seconds = median(took);
    return [
      {
        row: 'publish',
        measured: `${seconds.toFixed(1)} s for ${leads} leads (${rateOf(leads / seconds)}/s) beside ${livePerSecond} events/s, folded after p50 ${lags.p50.toFixed(0)} ms, p99 ${lags.p99.toFixed(0)} ms`,
        floor: '–',
        result: `${seconds.toFixed(1)} s (${Math.min(...took).toFixed(1)}–${Math.max(...took).toFixed(1)})`,
        must: `≤ ${publishMustSeconds} s`,
        goal: '–',
        verdict: differ ? 'wrong' : seconds <= publishMustSeconds ? 'must' : 'below',
        note: `${cleans.filter(Boolean).length} of ${took.length} reps clean${differ ? `; ${differ}` : '; 500 leads refolded alike'}`,
      },
    ];
  } finally {
    await stream.stop();
    await crowd.end();
  }
};

/** A draft's effect on all leads, as the api answers it, while events flow in. */
export const compareDraft: Row = async (bench) => {
  const crowd = await peopled(bench, leadsOf(bench), { apps: ['projector', 'api'] });
  const { place, leads, system } = crowd;
  const stream = new LiveStream(place, { perSecond: livePerSecond, leads: 20_000, seed: 9 });
  try {
    const { key } = await createApiKey(place.pool, { name: 'bench', role: 'admin', actor: 'bench' });
    const draft = await otherPoints(place);
    const took: number[] = [];
    const cleans: boolean[] = [];
    let wrong: string | undefined;
    for (let rep = 1; rep <= Math.min(3, bench.options.reps); rep++) {
      const cpu = startCpu({ bench: process.pid, ...bench.servicePids, ...pidsOf(system) });
      const started = performance.now();
      const answer = await fetch(new URL('/v1/rulebook/compare', system.apiUrl), {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ document: draft }),
      });
      const body = (await answer.json()) as { effect?: { leads: number; scoreUp: number } };
      const seconds = (performance.now() - started) / 1000;
      const reading = cpu.read();
      const seen = body.effect?.leads ?? 0;
      if (seen < leads || !body.effect!.scoreUp) wrong = `${answer.status}: ${JSON.stringify(body).slice(0, 300)}`;
      took.push(seconds);
      cleans.push(isClean(reading));
      bench.report({
        bench: 'compare',
        rep,
        leads: seen,
        seconds,
        cpu: reading.seconds,
        clean: isClean(reading),
        ...(wrong && { wrong }),
      });
    }
    for (const [name, pid] of Object.entries(pidsOf(system))) notePeak(name, 'compare', peakMb(pid));
    const seconds = median(took);
    return [
      {
        row: 'compare',
        measured: `${seconds.toFixed(1)} s for ${leads} leads (${rateOf(leads / seconds)}/s) beside ${livePerSecond} events/s`,
        floor: '–',
        result: `${seconds.toFixed(1)} s (${Math.min(...took).toFixed(1)}–${Math.max(...took).toFixed(1)})`,
        must: `≤ ${compareMustSeconds} s`,
        goal: '–',
        verdict: wrong ? 'wrong' : seconds <= compareMustSeconds ? 'must' : 'below',
        note: `${cleans.filter(Boolean).length} of ${took.length} reps clean`,
      },
    ];
  } finally {
    await stream.stop();
    await crowd.end();
  }
};

/** Some leads folded anew from their events: the derived state must be the same. */
export async function whatDiffers({ place }: Pick<Peopled, 'place'>): Promise<string | undefined> {
  const report = await verify(place.pool, new ProjectionContext(zone), { sample: 500 });
  if (report.leads < 500 && report.leads === 0) return 'no lead was verified';
  return report.differences.length ? `${report.differences.length} of ${report.leads} leads differ` : undefined;
}
