import type { RecordBatch } from '#libs/event-log';
import { Counter, Gauge, Histogram, type Registry } from '#libs/platform';
import type { Applied } from '#libs/projection';

/** Counts as the fold's transactions committed them (I4), and how far behind the log they are. */
export class ProjectorMetrics {
  private readonly records: Counter;
  private readonly repeats: Counter;
  private readonly seconds: Histogram;
  private readonly lag: Gauge;
  private readonly behind = new Map<string, number>();

  constructor(registers: Registry[], skippedLinks: () => Promise<Record<string, number>>) {
    const registered = { registers: registers };
    this.records = new Counter({
      name: 'leadfold_records_total',
      help: 'Log records consumed, by what became of them',
      labelNames: ['topic', 'outcome'],
      ...registered,
    });
    this.repeats = new Counter({
      name: 'leadfold_batch_repeats_total',
      help: 'Batches repeated over a deadlock or a changed identity',
      ...registered,
    });
    this.seconds = new Histogram({
      name: 'leadfold_batch_seconds',
      help: 'One batch, repeats included',
      labelNames: ['topic'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      ...registered,
    });
    this.lag = new Gauge({
      name: 'leadfold_lag_records',
      help: 'Records on the log that are not applied yet',
      labelNames: ['topic', 'partition'],
      ...registered,
    });
    const skipped: Gauge = new Gauge({
      name: 'leadfold_links_skipped',
      help: 'Links between keys, and of browsers to keys, that are skipped today, by reason: of the whole database, whichever projector tells it',
      labelNames: ['reason'],
      ...registered,
      // a database that is away leaves the last figures: the other metrics are wanted most then
      collect: async () => {
        const links = await skippedLinks().catch(() => ({}));
        for (const [reason, count] of Object.entries(links)) skipped.set({ reason }, count);
      },
    });
  }

  applied(batch: RecordBatch, { next, counts }: Applied, repeats: number): void {
    const { topic, partition } = batch;
    for (const outcome of ['stored', 'quarantined', 'duplicates', 'dropped'] as const)
      this.records.inc({ topic, outcome }, counts[outcome]);
    if (repeats > 0) this.repeats.inc(repeats);
    const behind = Math.max(0, batch.highWatermark - next);
    this.behind.set(`${topic}/${partition}`, behind);
    this.lag.set({ topic, partition: String(partition) }, behind);
  }

  observe(topic: string, startedAt: number): void {
    this.seconds.observe({ topic }, (performance.now() - startedAt) / 1000);
  }

  lagging = (): number => [...this.behind.values()].reduce((sum, behind) => sum + behind, 0);
}
