import { setTimeout as sleep } from 'node:timers/promises';
import { ensureDefaultRulebook } from '#libs/projection';
import { ensureDefaultScenarios } from '#libs/nurture';
import type { CrossingRequest } from '../clients/crossing-load.js';
import type { LoadAnswer, LoadRequest } from '../clients/http-load.js';
import { makePlace, pidsOf } from '../support/bench-system.js';
import { startChild, type Child } from '../support/child.js';
import { residentMb } from '../support/cpu.js';
import { notePeak, readPeaks } from '../support/peaks.js';
import type { Bench, Row, RowResult } from '../support/row.js';

const limits: Record<string, { must: number; goal: number }> = {
  collector: { must: 160, goal: 120 },
  projector: { must: 256, goal: 160 },
  worker: { must: 160, goal: 120 },
};
const mostSlope = 1;
const eventsPerSecond = 300;

/** Ten minutes of steady load: the slope of each process, and its peak over all rows that were run on this clone. */
export const memory: Row = async (bench) => {
  const minutes = bench.options.quick ? 1 : 10;
  const place = await makePlace(bench);
  const children: Child[] = [];
  try {
    const [mails, hooks, load, crossing] = (await Promise.all(
      ['sinks/smtp-sink', 'sinks/webhook-sink', 'clients/http-load', 'clients/crossing-load'].map((script) =>
        startChild(script),
      ),
    )) as [Child, Child, Child, Child];
    children.push(mails, hooks, load, crossing);
    await ensureDefaultRulebook(place.pool);
    await ensureDefaultScenarios(place.pool);
    const system = await place.start({
      apps: ['collector', 'projector', 'worker', 'api'],
      env: {
        ALERT_WEBHOOK_URL: `http://127.0.0.1:${hooks.ready.port}/alert`,
        ALERT_WEBHOOK_SECRETS: `whsec_${Buffer.alloc(24, 7).toString('base64')}`,
        SMTP_URL: `smtp://127.0.0.1:${mails.ready.port}?ignoreTLS=true`,
        SENDER_ADDRESS: '1-1 Bench, Tokyo',
        NURTURE_QUIET_HOURS: 'off',
      },
    });
    try {
      const port = Number(new URL(system.collectorUrl).port);
      const pids = pidsOf(system);
      const posts = { count: 8_192, perPost: 1, leads: 20_000, seed: 11, writeKey: place.writeKey, until: Date.now() };
      const seconds = minutes * 60;
      const loading = load.call<LoadAnswer>('load', {
        port,
        connections: 8,
        seconds,
        firstId: 1,
        posts,
        rate: eventsPerSecond,
      } satisfies LoadRequest);
      const samples: { minute: number; mb: Record<string, number> }[] = [];
      const started = performance.now();
      let leads = 0;
      while (performance.now() - started < seconds * 1000 - 3_000) {
        const names = Array.from({ length: 5 }, () => `lead-${++leads}`);
        const request: CrossingRequest = { port, writeKey: place.writeKey, leads: names, perSecond: 5 };
        await crossing.call('prepare', request);
        await crossing.call('cross', request);
        const mb = Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, residentMb(pid).now]));
        samples.push({ minute: (performance.now() - started) / 60_000, mb });
        await sleep(2_000);
      }
      const loaded = await loading;
      for (const [name, pid] of Object.entries(pids)) notePeak(name, 'memory', residentMb(pid).peak);
      bench.report({
        bench: 'memory',
        minutes,
        events: loaded.acked.length,
        failed: loaded.failed,
        samples: samples.filter((_, index) => index % 10 === 0),
      });
      return judge(bench, Object.keys(pids), samples, `${minutes} min at ${eventsPerSecond} events/s`);
    } finally {
      await system.stop();
    }
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await place.end();
  }
};

function judge(
  bench: Bench,
  names: string[],
  samples: { minute: number; mb: Record<string, number> }[],
  note: string,
): RowResult[] {
  const peaks = readPeaks();
  // the first third fills the heap up to its working size
  const steady = samples.slice(Math.floor(samples.length / 3));
  return names.map((name) => {
    const slope = slopeOf(steady.map(({ minute, mb }) => [minute, mb[name]!]));
    const own = peaks[name] ?? {};
    const peak = Math.max(0, ...Object.values(own));
    const limit = limits[name];
    bench.report({ bench: 'memory', app: name, peaks: own, slope });
    const within = (kind: 'must' | 'goal') => slope <= mostSlope && (!limit || peak <= limit[kind]);
    return {
      row: `memory ${name}`,
      measured: `steady ${steady.at(-1)!.mb[name]!.toFixed(0)} MB, slope ${slope.toFixed(2)} MB/min`,
      floor: '–',
      result: `peak ${peak} MB (${Object.entries(own)
        .map(([row, mb]) => `${row} ${mb}`)
        .join(', ')})`,
      must: limit ? `≤ ${limit.must} MB, slope ≤ ${mostSlope}` : `slope ≤ ${mostSlope}`,
      goal: limit ? `≤ ${limit.goal} MB` : '–',
      verdict: within('goal') ? 'goal' : within('must') ? 'must' : 'below',
      note,
    };
  });
}

/** Least squares. */
function slopeOf(points: [number, number][]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([minute]) => minute)), mean(points.map(([, mb]) => mb))];
  const spread = points.reduce((sum, [minute]) => sum + (minute - x) ** 2, 0);
  return points.reduce((sum, [minute, mb]) => sum + (minute - x) * (mb - y), 0) / spread;
}
