import { liveRulebook, ensureDefaultRulebook } from '#libs/projection';
import { deleteTopics, makePlace, pidsOf, type Place } from '../support/bench-system.js';
import { startChild, type Child } from '../support/child.js';
import { peakMb, startCpu } from '../support/cpu.js';
import { CrossingStretch, webhookEnv } from '../support/crossing-stretch.js';
import { appendAll, logWorkload } from '../support/log-workload.js';
import { oracleHashes, zone } from '../support/oracle.js';
import { notePeak } from '../support/peaks.js';
import { isClean, median, shareOf } from '../support/ratio.js';
import type { Bench, Row, RowResult } from '../support/row.js';
import { drain } from './fold.js';

const mustMs = 3_000;
const goalMs = 500;

/** A burst accepted at once, then hot leads: the floor is the time in which the fold alone takes the burst. */
export const alertBurst: Row = async (bench) => {
  const events = bench.options.quick ? 10_000 : 50_000;
  const place = await makePlace(bench);
  const keeper = await makePlace(bench, { topicPrefix: `bench_burst_${process.pid}.` });
  const children: Child[] = [];
  try {
    const log = logWorkload({ leads: 20_000, events, seed: 3, until: Date.now(), duplicates: 0 });
    await appendAll(keeper.eventLog, log.records);
    await ensureDefaultRulebook(keeper.pool);
    const expected = oracleHashes(log.unique, await liveRulebook(keeper.pool, zone));
    const floor = async () => {
      const { seconds, wrong } = await drain(bench, keeper.topicPrefix, log, expected);
      if (wrong) throw new Error(`the floor's fold was wrong: ${wrong}`);
      return seconds * 1000;
    };
    const scripts = ['sinks/webhook-sink', 'clients/crossing-load', 'clients/http-load'];
    const [sink, crossing, load] = (await Promise.all(scripts.map((script) => startChild(script)))) as [
      Child,
      Child,
      Child,
    ];
    children.push(sink, crossing, load);
    return await measure(bench, place, { sink, crossing, load }, events, floor);
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await place.end();
    await keeper.end();
    await deleteTopics(bench.services.kafkaBrokers!, keeper.topicPrefix);
  }
};

async function measure(
  bench: Bench,
  place: Place,
  children: { sink: Child; crossing: Child; load: Child },
  events: number,
  floor: () => Promise<number>,
): Promise<RowResult[]> {
  await ensureDefaultRulebook(place.pool);
  const reps: { floor: number; latencies: number[]; clean: boolean; wrong?: string }[] = [];
  for (
    let attempt = 0;
    attempt < bench.options.reps * 2 && reps.filter(({ clean }) => clean).length < bench.options.reps;
    attempt++
  ) {
    const before = await floor();
    const system = await place.start({
      apps: ['collector', 'projector', 'worker'],
      env: { ...webhookEnv(children.sink.ready.port), COLLECTOR_EVENTS_PER_SECOND: '10000000' },
    });
    try {
      const stretch = new CrossingStretch(place, children, Number(new URL(system.collectorUrl).port), attempt + 1);
      // programs that have just started are compiling themselves
      await stretch.afterBurst(Math.round(events / 5), 2);
      const cpu = startCpu({ bench: process.pid, ...bench.servicePids, ...pidsOf(system) });
      const { latencies, wrong, stages, acceptedSeconds, backlog } = await stretch.afterBurst(
        events,
        bench.options.seconds,
      );
      const reading = cpu.read();
      for (const [name, pid] of Object.entries(pidsOf(system))) notePeak(name, 'alert.burst', peakMb(pid));
      await system.stop();
      const rep = {
        floor: (before + (await floor())) / 2,
        latencies,
        clean: isClean(reading),
        ...(wrong && { wrong }),
      };
      reps.push(rep);
      const { foreign, steal } = reading;
      bench.report({
        bench: 'alert.burst',
        rep: attempt + 1,
        floorMs: rep.floor,
        p50: shareOf(latencies, 0.5),
        p99: shareOf(latencies, 0.99),
        alerts: latencies.length,
        stages,
        acceptedSeconds,
        backlog,
        clean: rep.clean,
        foreign,
        steal,
        ...(wrong && { wrong }),
      });
    } finally {
      await system.stop();
    }
  }
  return [judge(reps, events)];
}

function judge(
  reps: { floor: number; latencies: number[]; clean: boolean; wrong?: string }[],
  events: number,
): RowResult {
  const clean = reps.filter((rep) => rep.clean);
  const judged = clean.length ? clean : reps;
  const p99s = judged.map((rep) => shareOf(rep.latencies, 0.99));
  const p99 = median(p99s);
  const floor = median(judged.map((rep) => rep.floor));
  const p50 = shareOf(
    judged.flatMap((rep) => rep.latencies),
    0.5,
  );
  return {
    row: 'alert.burst',
    measured: `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms after ${events} events accepted at once`,
    floor: `${floor.toFixed(0)} ms to fold them`,
    result: `p99 ${p99.toFixed(0)} ms (${Math.min(...p99s).toFixed(0)}–${Math.max(...p99s).toFixed(0)})`,
    must: `≤ 2 × floor and ≤ ${mustMs} ms`,
    goal: `≤ ${goalMs} ms`,
    verdict: reps.some((rep) => rep.wrong)
      ? 'wrong'
      : p99 <= goalMs
        ? 'goal'
        : p99 <= Math.min(2 * floor, mustMs)
          ? 'must'
          : 'below',
    note: `${clean.length} of ${reps.length} reps clean`,
  };
}
