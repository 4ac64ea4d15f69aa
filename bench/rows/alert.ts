import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '#libs/event-log';
import { ensureDefaultRulebook } from '#libs/projection';
import type { CrossingRequest } from '../clients/crossing-load.js';
import type { LoadAnswer, LoadRequest } from '../clients/http-load.js';
import { hopSum, openHops } from '../floors/hops.js';
import type { SinkPost } from '../sinks/webhook-sink.js';
import { makePlace, pidsOf, until, type Place } from '../support/bench-system.js';
import { sharedNow, startChild, type Child } from '../support/child.js';
import { peakMb, startCpu } from '../support/cpu.js';
import { notePeak } from '../support/peaks.js';
import { isClean, median } from '../support/ratio.js';
import type { Bench, Row, RowResult } from '../support/row.js';

const crossingsPerSecond = 10;
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

interface Measured {
  background: number;
  latencies: number[];
  /** Where the time went: median ms from each instant to the next. */
  stages: Record<string, number>;
  /** How many cores each process used meanwhile. */
  cores?: Record<string, number>;
  wrong?: string;
}

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
      env: {
        ALERT_WEBHOOK_URL: `http://127.0.0.1:${sink.ready.port}/alert`,
        ALERT_WEBHOOK_SECRETS: `whsec_${Buffer.alloc(24, 7).toString('base64')}`,
      },
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
        const ratio = at(results[0]!.latencies, 0.5) / sum;
        ratios.push({ ratio, sum, clean });
        all.push(...results.map((result) => ({ ...result, clean })));
        const told = results.map(({ latencies, ...result }) => ({
          ...result,
          alerts: latencies.length,
          p50: at(latencies, 0.5),
          p99: at(latencies, 0.99),
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

class CrossingStretch {
  private leads = 0;
  private firstId = 1;

  constructor(
    private readonly place: Place,
    private readonly children: { sink: Child; crossing: Child; load: Child },
    private readonly port: number,
  ) {}

  async measure(
    { background, perPost, connections }: { background: number; perPost: number; connections: number },
    seconds: number,
  ): Promise<Measured> {
    const { sink, crossing, load } = this.children;
    const leads = Array.from({ length: Math.round(seconds * crossingsPerSecond) }, () => `lead-${++this.leads}`);
    const request: CrossingRequest = {
      port: this.port,
      writeKey: this.place.writeKey,
      leads,
      perSecond: crossingsPerSecond,
    };
    await crossing.call('prepare', request);
    await this.drained();
    await sink.call('take');
    const posts = { count: 2_048, perPost, leads: 20_000, seed: 5, writeKey: this.place.writeKey, until: Date.now() };
    const loading = background
      ? load.call<LoadAnswer>('load', {
          port: this.port,
          connections,
          seconds: seconds + 2,
          firstId: this.firstId,
          posts,
          rate: background / perPost,
        } satisfies LoadRequest)
      : undefined;
    await sleep(background ? 1_000 : 200);
    const began = await crossing.call<Map<string, number>>('cross', request);
    const arrivals = new Map<string, number[]>();
    const collect = async () => {
      for (const { at, body } of await sink.call<SinkPost[]>('take')) {
        const lead = /"(lead-\d+)@crossing\.example"/.exec(body)?.[1];
        if (lead) arrivals.set(lead, [...(arrivals.get(lead) ?? []), at]);
      }
    };
    const late = performance.now() + 15_000;
    do {
      await sleep(50);
      await collect();
    } while (leads.some((lead) => !arrivals.has(lead)) && performance.now() < late);
    const loaded = await loading;
    if (loaded) this.firstId = loaded.nextId;
    await this.drained();
    await collect();
    const missing = leads.filter((lead) => !arrivals.has(lead)).length;
    const doubled = leads.filter((lead) => (arrivals.get(lead)?.length ?? 0) > 1).length;
    const slow =
      loaded && loaded.acked.length < background * seconds * 0.9
        ? `, only ${loaded.acked.length} background events in ${loaded.seconds} s`
        : '';
    const latencies = leads.flatMap((lead) => (arrivals.has(lead) ? [arrivals.get(lead)![0]! - began.get(lead)!] : []));
    return {
      background,
      latencies,
      stages: await this.stages(began, arrivals),
      ...(missing || doubled || slow ? { wrong: `${missing} alerts missing, ${doubled} doubled${slow}` } : {}),
    };
  }

  private async stages(began: Map<string, number>, arrivals: Map<string, number[]>): Promise<Record<string, number>> {
    const wallOf = (shared: number) => shared + (Date.now() - sharedNow());
    const { rows } = await this.place.pool.query<{ lead: string; at: number[] }>(
      `select split_part(d.payload #>> '{data,data,lead,email}', '@', 1) as lead,
         array(select extract(epoch from t) * 1000 from unnest(array[fact.received_at, b.known_at, o.created_at, o.taken_at, d.handed_off_at]) as t)::float8[] as at
       from delivery d join outbox o on o.event = d.crossing join event e on e.id = d.crossing join batch b on b.id = e.batch
       join event fact on fact.batch = e.batch and fact.email = d.payload #>> '{data,data,lead,email}' and fact.type = 'track'
       where d.payload #>> '{data,data,lead,email}' = any($1)`,
      [[...began.keys()].map((lead) => `${lead}@crossing.example`)],
    );
    const instants = rows.flatMap(({ lead, at: times }) =>
      arrivals.has(lead) ? [[wallOf(began.get(lead)!), ...times, wallOf(arrivals.get(lead)![0]!)]] : [],
    );
    const names = ['collector', 'log and locks', 'fold and commit', 'relay', 'queue, claim, hand-off', 'webhook'];
    return Object.fromEntries(
      names.map((name, index) => [name, median(instants.map((each) => each[index + 1]! - each[index]!))]),
    );
  }

  /** Everything that stands on the log is folded. */
  private async drained(): Promise<void> {
    const { eventLog, pool } = this.place;
    await until('the log is drained', 60_000, async () => {
      const bounds = (await Promise.all(Object.values(topics).map((topic) => eventLog.bounds(topic)))).flat();
      const folded = await pool.query<{ n: number }>('select coalesce(sum(next), 0)::int as n from partition_offset');
      return folded.rows[0]!.n >= bounds.reduce((sum, { end }) => sum + end, 0);
    });
  }
}

function at(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity;
}

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
    const [p50, p99] = [at(latencies, 0.5), at(latencies, 0.99)];
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
