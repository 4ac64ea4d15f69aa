import { setTimeout as sleep } from 'node:timers/promises';
import { topics, type LogRecord } from '#libs/event-log';
import { encodeEvent, recordKeyOf, type LeadEvent } from '#libs/leads/domain';
import { ensureDefaultRulebook } from '#libs/projection';
import { eventIdOf } from '#libs/platform';
import { makePlace, pidsOf, sourceId, until, type Place } from '../support/bench-system.js';
import { peakMb, startCpu } from '../support/cpu.js';
import { backlogOf } from '../support/crossing-stretch.js';
import { foldLags, LiveStream } from '../support/live-stream.js';
import { appendAll } from '../support/log-workload.js';
import { notePeak } from '../support/peaks.js';
import { rateOf } from '../support/report.js';
import type { Row } from '../support/row.js';

const piece = 10_000;
const mustTimes = 2;
const othersPerSecond = 200;
const second = 1_000;

/** One lead that never ends: its last ten thousand events against its first, and what others notice of it. */
export const longLead: Row = async (bench) => {
  const events = bench.options.quick ? 100_000 : 1_000_000;
  const place = await makePlace(bench);
  try {
    await ensureDefaultRulebook(place.pool);
    const system = await place.start({ apps: ['projector'] });
    const until_ = Date.now();
    try {
      // another lead first: the compiler's seconds belong to nobody
      await foldPiece(place, eventsOf('warm', 0, 3 * piece, until_));
      const measured = async (from: number) => {
        const cpu = startCpu({ projector: pidsOf(system)['projector']!, postgres: bench.servicePids['postgres']! });
        const seconds = await foldPiece(place, eventsOf('long', from, piece, until_ - (events - from) * second));
        const used = Object.values(cpu.read().seconds).reduce((sum, value) => sum + value, 0);
        return { seconds, cpuMs: (1000 * used) / piece };
      };
      const first = [await measured(0), await measured(piece)];
      const started = performance.now();
      for (let from = 2 * piece; from < events - 2 * piece; from += 5 * piece) {
        const size = Math.min(5 * piece, events - 2 * piece - from);
        await foldPiece(place, eventsOf('long', from, size, until_ - (events - from) * second));
      }
      const middleSeconds = (performance.now() - started) / 1000;
      const last = [await measured(events - 2 * piece), await measured(events - piece)];
      const stream = new LiveStream(place, { perSecond: othersPerSecond, leads: 1_000, seed: 9 });
      await sleep(1_000);
      const since = Date.now();
      for (let round = 0; round < 5; round++)
        await appendAll(place.eventLog, eventsOf('long', events + round * piece, piece, until_));
      await sleep(Math.max(2_000, bench.options.seconds * 1000));
      await stream.stop();
      await until('the log is drained', 120_000, async () => (await backlogOf(place)) <= 0);
      const lags = await lagsOfOthers(place, since);
      const stored = await place.pool.query<{ n: number }>(
        "select count(*)::int as n from event where anon = 'anon-long'",
      );
      const wrong = stored.rows[0]!.n === events + 5 * piece ? undefined : `${stored.rows[0]!.n} events stored`;
      notePeak('projector', 'long-lead', peakMb(pidsOf(system)['projector']!));
      const mean = (list: { seconds: number; cpuMs: number }[], of: 'seconds' | 'cpuMs') =>
        list.reduce((sum, each) => sum + each[of], 0) / list.length;
      const times = mean(last, 'seconds') / mean(first, 'seconds');
      const cpuTimes = mean(last, 'cpuMs') / mean(first, 'cpuMs');
      bench.report({
        bench: 'long-lead',
        events,
        first,
        last,
        middleSeconds,
        times,
        cpuTimes,
        othersLagMs: lags,
        ...(wrong && { wrong }),
      });
      return [
        {
          row: 'long-lead',
          measured: `${rateOf(piece / mean(first, 'seconds'))} events/s at first, ${rateOf(piece / mean(last, 'seconds'))} after ${events}; beside 50,000 of its events others were folded after p50 ${lags.p50.toFixed(0)}, p99 ${lags.p99.toFixed(0)}, at most ${lags.max.toFixed(0)} ms`,
          floor: 'its own first 20,000',
          result: `${times.toFixed(2)} × the time, ${cpuTimes.toFixed(2)} × the CPU`,
          must: `≤ ${mustTimes} ×`,
          goal: '–',
          verdict: wrong ? 'wrong' : times <= mustTimes ? 'must' : 'below',
          note: wrong ?? 'seed 9 for the others',
        },
      ];
    } finally {
      await system.stop();
    }
  } finally {
    await place.end();
  }
};

/** One event a second, in the mix of pages and clicks. */
function eventsOf(lead: string, from: number, count: number, firstAt: number): LogRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const nth = from + index;
    const at = firstAt + index * second;
    const event: LeadEvent = {
      id: eventIdOf(sourceId, `${lead}-${nth}`),
      type: 'page',
      source: sourceId,
      occurredAt: at,
      receivedAt: Date.now(),
      anonymousId: `anon-${lead}`,
      name: nth % 10 ? 'Product' : 'Pricing',
      properties: { path: nth % 10 ? `/products/${nth % 9}` : '/pricing', title: 'Product' },
      context: { userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36' },
    };
    return { topic: topics.events, ...encodeEvent(event, recordKeyOf(event)) };
  });
}

async function foldPiece(place: Place, records: LogRecord[]): Promise<number> {
  await appendAll(place.eventLog, records);
  const last = records.length;
  const started = performance.now();
  await until(`${last} events are folded`, 300_000, async () => (await backlogOf(place)) <= 0, 5);
  return (performance.now() - started) / 1000;
}

const lagsOfOthers = (place: Place, since: number) => foldLags(place, since, "e.anon is distinct from 'anon-long'");
