import { ensureDefaultRulebook } from '#libs/projection';
import { createApiKey } from '../../apps/api/src/access/api-key.store.js';
import type { CrossingRequest } from '../clients/crossing-load.js';
import type { ReadAnswer, ReadRequest } from '../clients/read-load.js';
import { makePlace, pidsOf, until } from '../support/bench-system.js';
import { startChild, type Child } from '../support/child.js';
import { peakMb } from '../support/cpu.js';
import { backlogOf } from '../support/crossing-stretch.js';
import { LiveStream } from '../support/live-stream.js';
import { appendAll, logWorkload } from '../support/log-workload.js';
import { notePeak } from '../support/peaks.js';
import { measureRatio, median, summarize, type RatioRow, type Stretch } from '../support/ratio.js';
import { ratioResult, rateOf } from '../support/report.js';
import type { Row, RowResult } from '../support/row.js';

/** Two for each core: more would only measure how long a queue is. */
const connections = 4;
/** Until the compiler has seen every path: a server that was just started costs three times as much. */
const warmUps = 4;
const limits = { must: 0.7, goal: 0.85, mustP99: 25, goalP99: 10 };

/** One lead, and the fifty hottest, while the projector folds at half of what it can. */
export const readScore: Row = async (bench) => {
  const place = await makePlace(bench);
  const children: Child[] = [];
  try {
    await ensureDefaultRulebook(place.pool);
    const system = await place.start({ apps: ['collector', 'projector', 'api'] });
    let stream: LiveStream | undefined;
    try {
      const events = bench.options.quick ? 30_000 : 100_000;
      const log = logWorkload({ leads: 20_000, events, seed: 3, until: Date.now() });
      const started = performance.now();
      await appendAll(place.eventLog, log.records);
      await until('the leads are there', 120_000, async () => (await backlogOf(place)) <= 0);
      const most = log.records.length / ((performance.now() - started) / 1000);
      const crossing = await startChild('clients/crossing-load');
      children.push(crossing);
      const hot: CrossingRequest = {
        port: Number(new URL(system.collectorUrl).port),
        writeKey: place.writeKey,
        leads: Array.from({ length: 60 }, (_, index) => `lead-${index}`),
        perSecond: 100,
      };
      await crossing.call('prepare', hot);
      await crossing.call('cross', hot);
      await until('there are hot leads', 60_000, async () => {
        const found = await place.pool.query("select 1 from lead_rank where temperature = 'hot'");
        return found.rowCount! >= 50;
      });
      const { key } = await createApiKey(place.pool, { name: 'bench', role: 'admin', actor: 'bench' });
      // the timetable of the leads that are read does not matter, so long as both read the same
      const ids = await place.pool.query<{ id: number }>('select id from lead where merged_into is null order by id');
      const onePath = ids.rows.filter((_, index) => index % 7 === 0).map(({ id }) => `/v1/leads/${id}`);
      const client = await startChild('clients/read-load');
      const floor = await startChild('floors/bare-read', place.databaseUrl);
      children.push(client, floor);
      stream = new LiveStream(place, { perSecond: Math.round(most / 2), leads: 20_000, seed: 9 });
      bench.report({
        bench: 'read.score',
        leads: ids.rows.length,
        foldedPerSecond: Math.round(most),
        background: most / 2,
      });
      const apiPort = Number(new URL(system.apiUrl).port);
      const load = async (port: number, paths: string[]): Promise<Stretch> => {
        const request: ReadRequest = {
          port,
          connections,
          seconds: bench.options.seconds,
          paths,
          authorization: `Bearer ${key}`,
        };
        const { answered, seconds, p50, p99, statuses, example } = await client.call<ReadAnswer>('read', request);
        const good = statuses['200'] ?? 0;
        const wrong =
          good < answered || !/"?score"?/.test(example)
            ? `${JSON.stringify(statuses)} ${example.slice(0, 500)}`
            : undefined;
        return { units: answered, seconds, extra: { p50, p99 }, ...(wrong && { wrong }) };
      };
      const results: RowResult[] = [];
      for (const [name, paths] of [
        ['read.score lead', onePath],
        ['read.score top 50', ['/v1/leads?temperature=hot&limit=50']],
      ] as const) {
        for (let warmUp = 0; warmUp < warmUps; warmUp += 1) await load(apiPort, [...paths]);
        const floorP99: number[] = [];
        const row: RatioRow = {
          name,
          unit: 'requests',
          reps: bench.options.reps,
          must: limits.must,
          goal: limits.goal,
          roots: () => ({ ...bench.servicePids, ...pidsOf(system), client: client.pid, floor: floor.pid }),
          floor: async () => {
            const stretch = await load(floor.ready.port, [...paths]);
            floorP99.push(stretch.extra!['p99']!);
            return stretch;
          },
          subject: () => load(apiPort, [...paths]),
        };
        const reps = await measureRatio(row, bench.report);
        const summary = summarize(row, reps);
        const p99 = median(reps.map((rep) => rep.extra!['p99']!));
        const floorsP99 = median(floorP99);
        bench.report({ ...summary, bench: name, p99, floorP99: floorsP99 });
        const result = ratioResult(summary, `${rateOf(summary.subject)} requests/s, p99 ${p99.toFixed(1)} ms`);
        const verdict = p99 > limits.mustP99 && result.verdict !== 'wrong' ? 'below' : result.verdict;
        results.push({
          ...result,
          floor: `${result.floor}, p99 ${floorsP99.toFixed(1)} ms`,
          must: `${result.must}, p99 ≤ ${limits.mustP99} ms`,
          goal: `${result.goal}, p99 ≤ ${limits.goalP99} ms`,
          verdict: verdict === 'goal' && p99 > limits.goalP99 ? 'must' : verdict,
        });
      }
      for (const [name, pid] of Object.entries(pidsOf(system))) notePeak(name, 'read.score', peakMb(pid));
      return results;
    } finally {
      await stream?.stop();
      await system.stop();
    }
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await place.end();
  }
};
