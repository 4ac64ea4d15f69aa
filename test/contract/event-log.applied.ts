import { setTimeout as delay } from 'node:timers/promises';
import { topics, type BatchOutcome, type ConsumerHandlers, type LogRecord, type RecordBatch, type Topic } from '#libs/event-log';

export const record = (key: string, value: string, topic: Topic = topics.events): LogRecord => ({
  topic,
  key,
  headers: { ce_id: value, 'content-type': 'application/json' },
  value: JSON.stringify({ value }),
});

/** A consumer as the projector is one: remembers what is applied, and is asked for it at every assignment. */
export class Applied implements ConsumerHandlers {
  readonly next = new Map<string, number>();
  readonly seen: { topic: Topic; partition: number; position: number; value: string; key: string }[] = [];
  beats = 0;
  active = 0;
  mostActive = 0;
  onBatch: (batch: RecordBatch, signal: AbortSignal) => Promise<BatchOutcome | undefined> = () => Promise.resolve(undefined);

  assigned: ConsumerHandlers['assigned'] = ({ topic, partition, begin }) =>
    Promise.resolve({ start: this.next.get(`${topic}|${partition}`) ?? begin });

  alive(): void {
    this.beats += 1;
  }

  async batch(batch: RecordBatch, signal: AbortSignal): Promise<BatchOutcome> {
    this.active += 1;
    this.mostActive = Math.max(this.mostActive, this.active);
    try {
      const other = await this.onBatch(batch, signal);
      if (other) return other;
    } finally {
      this.active -= 1;
    }
    const place = `${batch.topic}|${batch.partition}`;
    for (const { position, value, key } of batch.records) {
      const { value: text } = JSON.parse(value!.toString()) as { value: string };
      this.seen.push({ topic: batch.topic, partition: batch.partition, position, value: text, key: key!.toString() });
    }
    this.next.set(place, batch.nextPosition);
    return { kind: 'done', next: batch.nextPosition };
  }

  values = () => this.seen.map((each) => each.value);
}

export async function until(what: string, condition: () => boolean, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain: ${what}`);
    await delay(10);
  }
}
