import os from 'node:os';
import { ensureDefaultRulebook } from '#libs/projection';
import { hopSum, openHops } from '../floors/hops.js';
import { makePlace, pidsOf } from '../support/bench-system.js';
import { startChild, type Child } from '../support/child.js';
import { peakMb, startCpu } from '../support/cpu.js';
import { CrossingStretch, webhookEnv, type Measured } from '../support/crossing-stretch.js';
import { notePeak } from '../support/peaks.js';
import { isClean, median, shareOf } from '../support/ratio.js';
import type { Bench, Row, RowResult } from '../support/row.js';

const levels = [
  { background: 0, perPost: 1, connections: 0 },
  { background: 200, perPost: 1, connections: 8 },
  { background: 5_000, perPost: 20, connections: 16 },
] as const;
const limits = {
  0: { p50: { must: 25, goal: 15 }, p99: { must: Infinity, goal: 40 } },
  200: { p99: { must: 100, goal: 60 } },
  5_000: { p99: { must: 250, goal: 120 } },
} as const;

/** Request start to webhook at the sink, exactly once per lead, against the sum of the bare hops measured beside it. */
export const alertLatency: Row = async (bench) => {
  const place = await makePlace(bench);
  const children: Child[] = [];
  try {
    const scripts = ['sinks/webhook-sink', 'floors/bare-server', 'clients/crossing-load', 'clients/http-load'];
    const [sink, bare, crossing, load] = (await Promise.all(scripts.map((script) => startChild(script)))) as [
      Child,
      Child,
      Child,
      Child,
    ];
    children.push(sink, bare, crossing, load);
    await ensureDefaultRulebook(place.pool);
    const system = await place.start({
      apps: ['collector', 'projector', 'worker'],
      env: webhookEnv(sink.ready.port),
    });
    const hops = await openHops(bench, place, { bare: bare.ready.port, sink: sink.ready.port });
    try {
      const port = Number(new URL(system.collectorUrl).port);
      const stretch = new CrossingStretch(place, { sink, crossing, load }, port);
      // programs that have just started are compiling themselves: what is measured is the running system
      for (const level of levels) await stretch.measure(level, bench.options.quick ? 2 : 10);
      const all: (Measured & { clean: boolean })[] = [];
      const ratios: { ratio: number; sum: number; clean: boolean }[] = [];
      for (
        let attempt = 0;
        attempt < bench.options.reps * 2 && ratios.filter(({ clean }) => clean).length < bench.options.reps;
        attempt++
      ) {
        const cpu = startCpu({ bench: process.pid, ...bench.servicePids, ...pidsOf(system) });
        const rounds = bench.options.quick ? 30 : 75;
        const before = await hops.measure(rounds);
        const results: Measured[] = [];
        for (const level of levels) {
          const used = startCpu({ bench: process.pid, ...bench.servicePids, ...pidsOf(system) });
          const since = performance.now();
          const result = await stretch.measure(level, bench.options.seconds);
          const lengthSeconds = (performance.now() - since) / 1000;
          const { seconds, foreign } = used.read();
          const cores = Object.fromEntries(Object.entries(seconds).map(([name, each]) => [name, each / lengthSeconds]));
          results.push({ ...result, cores: { ...cores, foreign: foreign * os.cpus().length } });
        }
        const after = await hops.measure(rounds);
        await sink.call('take');
        const reading = cpu.read();
        const clean = isClean(reading);
        const sum = (hopSum(before) + hopSum(after)) / 2;
        const ratio = shareOf(results[0]!.latencies, 0.5) / sum;
        ratios.push({ ratio, sum, clean });
        all.push(...results.map((result) => ({ ...result, clean })));
        const told = results.map(({ latencies, ...result }) => ({
          ...result,
          alerts: latencies.length,
          p50: shareOf(latencies, 0.5),
          p99: shareOf(latencies, 0.99),
        }));
        bench.report({
          bench: 'alert.latency',
          rep: attempt + 1,
          hops: before,
          hopsAfter: after,
          hopSum: sum,
          ratio,
          clean,
          foreign: reading.foreign,
          steal: reading.steal,
          levels: told,
        });
      }
      for (const [name, pid] of Object.entries(pidsOf(system))) notePeak(name, 'alert.latency', peakMb(pid));
      return judge(bench, all, ratios);
    } finally {
      await hops.close();
      await system.stop();
    }
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await place.end();
  }
};

const ms = (value: number): string => `${value.toFixed(1)} ms`;

function judge(
  bench: Bench,
  all: (Measured & { clean: boolean })[],
  ratios: { ratio: number; sum: number; clean: boolean }[],
): RowResult[] {
  const anyClean = ratios.some(({ clean }) => clean);
  const judged = anyClean ? ratios.filter(({ clean }) => clean) : ratios;
  const ratio = median(judged.map((each) => each.ratio));
  const note = `${ratios.filter(({ clean }) => clean).length} of ${ratios.length} reps clean`;
  return levels.map(({ background }) => {
    const own = all.filter((each) => each.background === background && (each.clean || !anyClean));
    const latencies = own.flatMap((each) => each.latencies);
    const [p50, p99] = [shareOf(latencies, 0.5), shareOf(latencies, 0.99)];
    const wrong = all.filter((each) => each.background === background && each.wrong).length;
    bench.report({ bench: 'alert.latency', background, alerts: latencies.length, p50, p99, wrong, ratio });
    const bounds = limits[background];
    const idle = 'p50' in bounds;
    const meets = (kind: 'must' | 'goal') =>
      p99 <= bounds.p99[kind] && (!idle || (p50 <= bounds.p50[kind] && ratio <= (kind === 'must' ? 4 : 2)));
    return {
      row: `alert.latency ${background}/s`,
      measured: `p50 ${ms(p50)}, p99 ${ms(p99)} over ${latencies.length} alerts`,
      floor: `hop sum ${ms(median(judged.map((each) => each.sum)))}`,
      result: idle
        ? `${ratio.toFixed(2)} × (${Math.min(...judged.map((each) => each.ratio)).toFixed(2)}–${Math.max(...judged.map((each) => each.ratio)).toFixed(2)})`
        : ms(p99),
      must: idle ? 'p50 ≤ 4 ×, ≤ 25 ms' : `p99 ≤ ${bounds.p99.must} ms`,
      goal: idle ? 'p50 ≤ 2 ×, ≤ 15 ms, p99 ≤ 40 ms' : `p99 ≤ ${bounds.p99.goal} ms`,
      verdict: wrong ? 'wrong' : meets('goal') ? 'goal' : meets('must') ? 'must' : 'below',
      note,
    } as const;
  });
}
