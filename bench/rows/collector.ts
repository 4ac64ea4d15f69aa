import { startChild, type Child } from '../support/child.js';
import type { LoadAnswer, LoadRequest } from '../clients/http-load.js';
import { appPid, makePlace } from '../support/bench-system.js';
import { peakMb } from '../support/cpu.js';
import { notePeak } from '../support/peaks.js';
import { measureRatio, median, summarize, type RatioRow, type Stretch } from '../support/ratio.js';
import { ReadBack } from '../support/read-back.js';
import { ratioResult, rateOf } from '../support/report.js';
import type { Bench, Row, RowResult } from '../support/row.js';

const connections = 64;

interface Shape {
  name: 'collector.single' | 'collector.batch';
  perPost: number;
  posts: number;
  must: number;
  goal: number;
}

/** Requests answered 2xx only after the broker's acks=all; afterwards the log is read back. */
export const collectorSingle: Row = (bench) =>
  measure(bench, { name: 'collector.single', perPost: 1, posts: 8_192, must: 0.3, goal: 0.45 });
export const collectorBatch: Row = (bench) =>
  measure(bench, { name: 'collector.batch', perPost: 100, posts: 256, must: 0.1, goal: 0.25 });

async function measure(bench: Bench, shape: Shape): Promise<RowResult[]> {
  const place = await makePlace(bench);
  const children: Child[] = [];
  const { seconds } = bench.options;
  try {
    const system = await place.start({ apps: ['collector'], env: { COLLECTOR_EVENTS_PER_SECOND: '10000000' } });
    try {
      const floorServer = await startChild('floors/bare-server');
      const client = await startChild('clients/http-load');
      children.push(floorServer, client);
      const collectorPort = Number(new URL(system.collectorUrl).port);
      const posts = {
        count: shape.posts,
        perPost: shape.perPost,
        leads: 20_000,
        seed: 1,
        writeKey: place.writeKey,
        until: Date.now(),
      };
      let firstId = 1;
      const load = async (port: number, more: Partial<LoadRequest> = {}) => {
        const request: LoadRequest = { port, connections, seconds, firstId, posts, ...more };
        const answer = await client.call<LoadAnswer>('load', request);
        firstId = answer.nextId;
        return answer;
      };
      const readBack = new ReadBack(place.eventLog);
      const pids = {
        collector: appPid(system, 'collector'),
        kafka: bench.servicePids['kafka']!,
        client: client.pid,
        floor: floorServer.pid,
      };
      await load(floorServer.ready.port, { seconds: 2 });
      const warm = await load(collectorPort, { seconds: bench.options.quick ? 2 : 6 });
      await readBack.missing(warm.acked);

      const subject = async (more: Partial<LoadRequest> = {}): Promise<Stretch> => {
        const answer = await load(collectorPort, more);
        const { missing, read } = await readBack.missing(answer.acked);
        const wrong = missing
          ? `${missing} acked ids are not on the log`
          : answer.failed
            ? `${answer.failed} requests failed: ${JSON.stringify(answer.statuses)}`
            : undefined;
        return {
          units: answer.acked.length,
          seconds: answer.seconds,
          ...(wrong && { wrong }),
          extra: { p50: answer.p50, p99: answer.p99, read },
        };
      };
      const row: RatioRow = {
        ...shape,
        unit: shape.perPost === 1 ? 'requests' : 'events',
        reps: bench.options.reps,
        roots: () => ({ ...pids, ...bench.servicePids }),
        subjectRoots: () => ({ collector: pids.collector, kafka: pids.kafka }),
        floor: async () => {
          const answer = await load(floorServer.ready.port);
          return { units: answer.acked.length, seconds: answer.seconds };
        },
        subject,
      };
      const reps = await measureRatio(row, bench.report);
      const summary = summarize(row, reps);
      const judged = reps.some((rep) => rep.clean) ? reps.filter((rep) => rep.clean) : reps;
      const p99 = median(judged.map((rep) => rep.extra!['p99']!));
      const peak = peakMb(pids.collector);
      notePeak('collector', shape.name, peak);
      const requestsPerSecond = summary.subject / shape.perPost;
      const half = await subject({ rate: requestsPerSecond / 2 });
      bench.report({ bench: shape.name, ...summary, p99, halfLoad: half, peakMb: peak });
      const result = ratioResult(
        summary,
        `${rateOf(summary.subject)} ${row.unit}/s, p99 ${p99.toFixed(1)} ms, at half load ${half.extra!['p99']!.toFixed(1)} ms; collector peak ${peak.toFixed(0)} MB`,
      );
      if (shape.perPost > 1) return [result];
      const late = p99 > 50 ? 'below' : result.verdict;
      return [{ ...result, verdict: late === 'goal' && half.extra!['p99']! > 15 ? 'must' : late }];
    } finally {
      await system.stop();
    }
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await place.end();
  }
}
