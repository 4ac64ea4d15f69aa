import { topics, type EventLog } from '#libs/event-log';
import { eventIdOf, newId } from '#libs/platform';
import { sourceId } from './bench-system.js';

/** Reads the log from where the last reading ended and tells which accepted ids are not on it. */
export class ReadBack {
  private readonly next = new Map<string, number>();

  constructor(private readonly log: EventLog) {}

  /** How many of these acknowledged messageIds the log does not hold, and how many records it was read. */
  async missing(acked: readonly string[]): Promise<{ missing: number; read: number }> {
    const wanted = new Set(acked.map((messageId) => eventIdOf(sourceId, messageId)));
    let read = 0;
    const ends = new Map<string, number>();
    for (const topic of Object.values(topics))
      for (const { partition, end } of await this.log.bounds(topic))
        if (end > (this.next.get(`${topic}/${partition}`) ?? 0)) ends.set(`${topic}/${partition}`, end);
    let done!: () => void;
    const finished = new Promise<void>((resolve) => (done = resolve));
    if (ends.size === 0) return { missing: wanted.size, read };
    const consumer = await this.log.consume(
      { group: `read-back-${newId()}`, topics: Object.values(topics), concurrency: 4, maxRecords: 10_000 },
      {
        assigned: ({ topic, partition }) => Promise.resolve({ start: this.next.get(`${topic}/${partition}`) ?? 0 }),
        batch: ({ topic, partition, records, nextPosition }) => {
          const place = `${topic}/${partition}`;
          const from = this.next.get(place) ?? 0;
          for (const { position, headers } of records) {
            if (position < from) continue;
            read += 1;
            wanted.delete(headers['ce_id'] ?? '');
          }
          this.next.set(place, Math.max(from, nextPosition));
          if (nextPosition >= (ends.get(place) ?? Infinity)) ends.delete(place);
          if (ends.size === 0) done();
          return Promise.resolve({ kind: 'done', next: nextPosition });
        },
        alive: () => undefined,
      },
    );
    await finished;
    await consumer.stop();
    return { missing: wanted.size, read };
  }
}
