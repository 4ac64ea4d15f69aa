import { setTimeout as delay } from 'node:timers/promises';
import type { Logger, Pool, PoolClient } from '#libs/platform';
import { Lanes } from '../lanes.js';
import type { ConsumeOptions, Consumer, ConsumerHandlers, Topic } from '../port.js';
import { PartitionLocks } from './partition-locks.js';
import { PostgresPartition } from './postgres-partition.js';

const netMs = 5_000;
const trimEveryMs = 10 * 60_000;

/** One session holds the partition locks and listens; scans tell which partitions hold records not yet handed out. */
export class PostgresConsumer implements Consumer {
  readonly ended: Promise<void>;
  private readonly stopping = new AbortController();
  private readonly partitions = new Map<string, PostgresPartition>();
  private readonly lanes: Lanes;
  private wake: () => void = () => undefined;
  private woken = false;
  private trimmedAt = 0;

  constructor(
    private readonly pool: Pool,
    private readonly options: ConsumeOptions,
    private readonly handlers: ConsumerHandlers,
    private readonly log: Logger,
    private readonly trim: () => Promise<void>,
  ) {
    this.lanes = new Lanes(options.concurrency, options.topics.length);
    this.ended = this.run();
    this.ended.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.poke();
    await this.ended;
  }

  private async run(): Promise<void> {
    for (let failures = 0; !this.stopping.signal.aborted;) {
      try {
        await this.session(() => (failures = 0));
      } catch (error) {
        failures += 1;
        this.log.warn(
          { cause: (error as Error).message, failures },
          'log consumer lost its session, will connect again',
        );
        await delay(Math.min(100 * 2 ** failures, 5_000), undefined, { signal: this.stopping.signal }).catch(
          () => undefined,
        );
      }
    }
  }

  private async session(healthy: () => void): Promise<void> {
    const client = await this.pool.connect();
    let lost: Error | undefined;
    const onLost = (error?: Error) => {
      lost = error ?? new Error('the connection ended');
      this.poke();
    };
    client
      .on('error', onLost)
      .on('end', onLost)
      .on('notification', () => this.poke());
    try {
      const locks = new PartitionLocks(client, this.options.group, this.options.topics);
      await locks.join();
      while (!this.stopping.signal.aborted) {
        if (lost) throw lost;
        const complete = await this.balance(locks);
        await this.scan(client);
        healthy();
        await this.trimSometimes();
        await this.sleep(complete ? netMs : 300);
      }
    } finally {
      await Promise.all([...this.partitions.values()].map((partition) => partition.release()));
      this.partitions.clear();
      client.off('error', onLost).off('end', onLost);
      client.on('error', () => undefined);
      // destroyed, not reused: the advisory locks end with the session
      client.release(true);
    }
  }

  private async balance(locks: PartitionLocks): Promise<boolean> {
    const { surplus, gained, complete } = await locks.balance();
    for (const [topic, number] of surplus) {
      const key = `${topic}|${number}`;
      await this.partitions.get(key)?.release();
      this.partitions.delete(key);
      await locks.giveBack(topic, number);
    }
    for (const [topic, number] of gained) {
      const { pool, options, handlers, lanes, log } = this;
      const partition = new PostgresPartition(
        { pool, options, handlers, lanes, log, lane: options.topics.indexOf(topic), topic, poke: () => this.poke() },
        number,
      );
      this.partitions.set(`${topic}|${number}`, partition);
    }
    return complete && surplus.length === 0;
  }

  private async scan(client: PoolClient): Promise<void> {
    const found = await client.query<{ topic: Topic; partition: number; begin: number; next: number }>(
      'select topic, partition, begin, next from log_partition where topic = any ($1)',
      [this.options.topics],
    );
    this.handlers.alive();
    const owned = found.rows.flatMap((row) => {
      const partition = this.partitions.get(`${row.topic}|${row.partition}`);
      return partition
        ? [{ partition, bounds: { topic: row.topic, partition: row.partition, begin: row.begin, end: row.next } }]
        : [];
    });
    await Promise.all(owned.map(({ partition, bounds }) => partition.see(bounds)));
    for (const { partition } of owned) partition.work();
  }

  private async trimSometimes(): Promise<void> {
    if (performance.now() - this.trimmedAt < trimEveryMs && this.trimmedAt > 0) return;
    this.trimmedAt = performance.now();
    await this.trim();
  }

  private poke(): void {
    this.woken = true;
    this.wake();
  }

  private async sleep(ms: number): Promise<void> {
    if (!this.woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.wake = () => (clearTimeout(timer), resolve());
      });
    }
    this.woken = false;
  }
}
