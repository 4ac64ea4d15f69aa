import { setTimeout as sleep } from 'node:timers/promises';
import { recordKeyOf, encodeEvent } from '#libs/leads/domain';
import { topics, type LogRecord } from '#libs/event-log';
import { newId } from '#libs/platform';
import { sourceId, type Place } from './bench-system.js';
import { leadEventOf, workload, type WorkloadOptions } from './workload.js';

/** Events put on the log at an even rate until it is stopped, as the collector would: each received when it is put there. */
export class LiveStream {
  appended = 0;
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(
    private readonly place: Pick<Place, 'eventLog'>,
    private readonly options: { perSecond: number; leads: number; seed: number },
  ) {
    this.running = this.run();
  }

  /** Answers when what is under way is on the log. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  private async run(): Promise<void> {
    const { perSecond, leads, seed } = this.options;
    const started = performance.now();
    const records = endless({ leads, seed, events: 100_000, until: Date.now(), duplicates: 0 });
    while (!this.stopped) {
      const due = Math.floor(((performance.now() - started) / 1000) * perSecond) - this.appended;
      const some = Array.from({ length: Math.min(due, 2_000) }, () => records.next().value!);
      if (some.length) {
        const { acked, error } = await this.place.eventLog.append(some);
        if (!acked.every(Boolean)) throw error ?? new Error('the log did not take the stream');
        this.appended += some.length;
      }
      await sleep(due > 2_000 ? 0 : 10);
    }
  }
}

function* endless(options: WorkloadOptions): Generator<LogRecord, LogRecord> {
  for (let round = 0; ; round += 1)
    for (const item of workload({ ...options, seed: options.seed + round })) {
      if (item.kind !== 'event') continue;
      const now = Date.now();
      const event = { ...leadEventOf(item.event, sourceId, now), id: newId(), occurredAt: now };
      yield { topic: event.links ? topics.urgent : topics.events, ...encodeEvent(event, recordKeyOf(event)) };
    }
}

/** How long after its reception each event was stored by a batch, ms: of the events received since then. */
export async function foldLags(
  place: Pick<Place, 'pool'>,
  sinceMs: number,
  which = 'true',
): Promise<{ p50: number; p99: number; max: number; events: number }> {
  const { rows } = await place.pool.query<{ p50: number; p99: number; max: number; events: number }>(
    `with lag as (
       select extract(epoch from b.known_at - e.received_at) * 1000 as ms from event e join batch b on b.id = e.batch
       where e.received_at >= to_timestamp($1 / 1000.0) and e.source = $2 and ${which})
     select percentile_cont(0.5) within group (order by ms)::float8 as p50,
       percentile_cont(0.99) within group (order by ms)::float8 as p99, max(ms)::float8 as max, count(*)::int as events from lag`,
    [sinceMs, sourceId],
  );
  return rows[0]!;
}
