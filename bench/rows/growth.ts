import { ensureDefaultRulebook } from '#libs/projection';
import { createApiKey } from '../../apps/api/src/access/api-key.store.js';
import type { ReadAnswer, ReadRequest } from '../clients/read-load.js';
import { makePlace, pidsOf, until, type Place } from '../support/bench-system.js';
import { startChild, type Child } from '../support/child.js';
import { peakMb, startCpu } from '../support/cpu.js';
import { backlogOf, CrossingStretch, webhookEnv } from '../support/crossing-stretch.js';
import { appendAll, logWorkload } from '../support/log-workload.js';
import { notePeak } from '../support/peaks.js';
import { shareOf } from '../support/ratio.js';
import type { Bench, Row, RowResult } from '../support/row.js';
import { whatDiffers } from './rulebook.js';

interface Size {
  times: number;
  leads: number;
  events: number;
}

interface Grown extends Size {
  /** Of the last 100,000 events, projector and PostgreSQL together. */
  cpuMsPerEvent: number;
  eventsPerSecond: number;
  alertP99: number;
  readP99: number;
  wrong?: string;
}

const limits = { must: 1.5, goal: 1.2 };

/** The same system as it grows: what an event, an alert and a read cost at 1, 4 and 16 times the leads and the history. */
export const growth: Row = async (bench) => {
  const unit = bench.options.quick ? 1 : 10;
  const sizes: Size[] = [1, 4, 16].map((times) => ({
    times,
    leads: 500 * unit * times,
    events: 10_000 * unit * times,
  }));
  const place = await makePlace(bench);
  const children: Child[] = [];
  try {
    await ensureDefaultRulebook(place.pool);
    const scripts = ['sinks/webhook-sink', 'clients/crossing-load', 'clients/http-load', 'clients/read-load'];
    const [sink, crossing, load, reader] = (await Promise.all(scripts.map((script) => startChild(script)))) as [
      Child,
      Child,
      Child,
      Child,
    ];
    children.push(sink, crossing, load, reader);
    const system = await place.start({
      apps: ['collector', 'projector', 'worker', 'api'],
      env: webhookEnv(sink.ready.port),
    });
    try {
      const { key } = await createApiKey(place.pool, { name: 'bench', role: 'admin', actor: 'bench' });
      const stretch = new CrossingStretch(place, { sink, crossing, load }, Number(new URL(system.collectorUrl).port));
      const projector = pidsOf(system)['projector']!;
      await fold(bench, place, projector, { leads: 500, events: 5_000 }, 99);
      await stretch.measure({ background: 200, perPost: 1, connections: 8 }, 3);
      const grown: Grown[] = [];
      let before = 0;
      for (const size of sizes) {
        const piece = Math.min(10_000 * unit, size.events - before);
        await fold(bench, place, projector, { leads: size.leads, events: size.events - before - piece }, size.times);
        const { seconds, cpuMs } = await fold(
          bench,
          place,
          projector,
          { leads: size.leads, events: piece },
          size.times + 50,
        );
        before = size.events;
        await place.pool.query('analyze');
        const alerts = await stretch.measure({ background: 200, perPost: 1, connections: 8 }, bench.options.seconds);
        const request: ReadRequest = {
          port: Number(new URL(system.apiUrl).port),
          connections: 4,
          seconds: bench.options.seconds,
          paths: await leadPaths(place),
          authorization: `Bearer ${key}`,
        };
        const read = await reader.call<ReadAnswer>('read', request);
        const failed = read.answered - (read.statuses['200'] ?? 0);
        const wrong = [alerts.wrong, failed && `${failed} reads failed: ${read.example}`].filter(Boolean).join('; ');
        const each: Grown = {
          ...size,
          cpuMsPerEvent: cpuMs / piece,
          eventsPerSecond: piece / seconds,
          alertP99: shareOf(alerts.latencies, 0.99),
          readP99: read.p99,
          ...(wrong && { wrong }),
        };
        grown.push(each);
        bench.report({ bench: 'growth', ...each, alertP50: shareOf(alerts.latencies, 0.5), readP50: read.p50 });
      }
      const differ = await whatDiffers({ place });
      for (const [name, pid] of Object.entries(pidsOf(system))) notePeak(name, 'growth', peakMb(pid));
      return judge(grown, differ);
    } finally {
      await system.stop();
    }
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await place.end();
  }
};

async function fold(
  bench: Bench,
  place: Place,
  projector: number,
  size: { leads: number; events: number },
  seed: number,
): Promise<{ seconds: number; cpuMs: number }> {
  if (size.events <= 0) return { seconds: 0, cpuMs: 0 };
  const log = logWorkload({ ...size, seed, until: Date.now() });
  const cpu = startCpu({ projector, postgres: bench.servicePids['postgres']! });
  const started = performance.now();
  await appendAll(place.eventLog, log.records);
  await until('the workload is folded', 900_000, async () => (await backlogOf(place)) <= 0, 50);
  const used = Object.values(cpu.read().seconds).reduce((sum, seconds) => sum + seconds, 0);
  return { seconds: (performance.now() - started) / 1000, cpuMs: used * 1000 };
}

async function leadPaths({ pool }: Place): Promise<string[]> {
  const { rows } = await pool.query<{ id: number }>(
    'select id from lead where merged_into is null order by id % 997, id limit 2000',
  );
  return rows.map(({ id }) => `/v1/leads/${id}`);
}

function judge(grown: Grown[], differ: string | undefined): RowResult[] {
  const [first, last] = [grown[0]!, grown.at(-1)!];
  const wrong = differ ?? grown.find((each) => each.wrong)?.wrong;
  const rows: [string, keyof Pick<Grown, 'cpuMsPerEvent' | 'alertP99' | 'readP99'>, string][] = [
    ['growth fold', 'cpuMsPerEvent', 'CPU-ms per event'],
    ['growth alert.latency 200/s', 'alertP99', 'ms p99'],
    ['growth lead read', 'readP99', 'ms p99'],
  ];
  return rows.map(([row, of, unit]) => {
    const times = last[of] / first[of];
    return {
      row,
      measured: `${grown.map((each) => `${each.times} ×: ${each[of].toFixed(of === 'cpuMsPerEvent' ? 3 : 1)}`).join(', ')} ${unit}`,
      floor: `${first.leads} leads, ${first.events} events`,
      result: `${times.toFixed(2)} × at 16 ×`,
      must: `≤ ${limits.must} ×`,
      goal: `≤ ${limits.goal} ×`,
      verdict: wrong ? 'wrong' : times <= limits.goal ? 'goal' : times <= limits.must ? 'must' : 'below',
      note: wrong ?? `to ${last.leads} leads, ${last.events} events; 500 leads refolded alike`,
    };
  });
}
