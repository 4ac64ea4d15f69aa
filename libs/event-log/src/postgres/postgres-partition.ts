import type { Logger, Pool } from '#libs/platform';
import type { Lanes } from '../lanes.js';
import type { ConsumeOptions, ConsumerHandlers, PartitionBounds, StoredRecord, Topic } from '../port.js';

export interface PartitionOptions {
  pool: Pool;
  options: ConsumeOptions;
  handlers: ConsumerHandlers;
  lanes: Lanes;
  lane: number;
  log: Logger;
  topic: Topic;
  poke(): void;
}

const backOffMs = { first: 200, most: 10_000 };

/** One partition this session owns: where it stands, and the loop that hands its records out. */
export class PostgresPartition {
  private next: number | undefined;
  private end = 0;
  private stopped = false;
  private failures = 0;
  private retryAt = 0;
  private working: Promise<void> | undefined;
  private readonly lost = new AbortController();

  constructor(
    private readonly own: PartitionOptions,
    private readonly partition: number,
  ) {}

  async see(bounds: PartitionBounds): Promise<void> {
    if (this.stopped || this.lost.signal.aborted || this.waits()) return;
    this.end = bounds.end;
    if (this.next === undefined) await this.place(bounds);
    if (this.ready()) this.behind(true);
  }

  work(): void {
    if (this.working || !this.ready()) return;
    this.working = this.handOut().finally(() => {
      this.working = undefined;
      this.behind(false);
    });
  }

  async release(): Promise<void> {
    this.lost.abort();
    await this.working;
    this.behind(false);
  }

  private ready(): boolean {
    return (
      !this.stopped && !this.lost.signal.aborted && !this.waits() && this.next !== undefined && this.next < this.end
    );
  }

  private waits(): boolean {
    return performance.now() < this.retryAt;
  }

  private behind(isBehind: boolean): void {
    this.own.lanes.setBehind(this.own.lane, String(this.partition), isBehind);
  }

  private async place(bounds: PartitionBounds): Promise<void> {
    try {
      const answer = await this.own.handlers.assigned(bounds);
      if ('stop' in answer) this.stop(answer.stop);
      else this.next = answer.start;
    } catch (error) {
      this.backOff(error as Error);
    }
  }

  private async handOut(): Promise<void> {
    while (this.ready()) {
      if (!(await this.own.lanes.enter(this.own.lane, this.lost.signal))) return;
      try {
        await this.handOutOne();
      } catch (error) {
        this.backOff(error as Error);
      } finally {
        this.own.lanes.leave();
      }
    }
  }

  private async handOutOne(): Promise<void> {
    const { handlers, topic } = this.own;
    const from = this.next!;
    const records = await this.fetch(from);
    // trimmed away under us: the next scan compares the bounds again
    if (records.length === 0) this.next = undefined;
    const last = records.at(-1);
    if (!last) return this.own.poke();
    const nextPosition = last.position + 1;
    const highWatermark = Math.max(this.end, nextPosition);
    const outcome = await handlers.batch(
      { topic, partition: this.partition, records, nextPosition, highWatermark },
      this.lost.signal,
    );
    this.failures = 0;
    if (outcome.kind === 'stop') this.stop(outcome.reason);
    else this.next = outcome.kind === 'seek' ? outcome.position : outcome.next;
  }

  private async fetch(from: number): Promise<StoredRecord[]> {
    const found = await this.own.pool.query<{
      position: number;
      record_key: Buffer | null;
      headers: Record<string, string>;
      value: Buffer | null;
    }>(
      `select position, record_key, headers, value from log_record
       where topic = $1 and partition = $2 and position >= $3 order by position limit $4`,
      [this.own.topic, this.partition, from, this.own.options.maxRecords],
    );
    return found.rows.map(({ record_key: key, ...rest }) => ({ key, ...rest }));
  }

  private stop(reason: string): void {
    this.stopped = true;
    this.own.log.error({ topic: this.own.topic, partition: this.partition, reason }, 'partition stopped');
  }

  private backOff(error: Error): void {
    this.failures += 1;
    const waitMs = Math.min(backOffMs.first * 2 ** (this.failures - 1), backOffMs.most);
    const { topic, log } = this.own;
    log.warn(
      { topic, partition: this.partition, failures: this.failures, waitMs, cause: error.message },
      'batch failed, will be tried again',
    );
    this.retryAt = performance.now() + waitMs;
    setTimeout(() => this.own.poke(), waitMs + 1).unref();
  }
}
