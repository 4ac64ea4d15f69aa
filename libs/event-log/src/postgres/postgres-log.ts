import { createPool, DomainError, within, type Logger, type Pool } from '#libs/platform';
import { MicroBatch, type OutgoingRecord } from '../micro-batch.js';
import {
  partitionCount,
  topics,
  type AppendResult,
  type ConsumeOptions,
  type Consumer,
  type ConsumerHandlers,
  type EventLog,
  type LogRecord,
  type PartitionBounds,
  type Topic,
} from '../port.js';
import { PostgresConsumer } from './postgres-consumer.js';

export interface PostgresLogOptions {
  url: string;
  retentionDays: number;
}

/** The embedded mode's log: a table, positions assigned in the appending transaction, NOTIFY as the wake-up. */
export class PostgresLog implements EventLog {
  private readonly pool: Pool;
  private readonly batches: MicroBatch;
  private readonly consumers = new Set<PostgresConsumer>();

  constructor(
    private readonly options: PostgresLogOptions,
    private readonly log: Logger,
  ) {
    this.pool = createPool(
      { url: options.url, applicationName: 'leadfold-log', max: 6, statementTimeoutMs: 10_000 },
      (error) => log.warn({ cause: error.message }, 'log connection lost'),
    );
    this.batches = new MicroBatch({ sendsInFlight: 1, send: (records) => this.send(records) });
  }

  append(records: LogRecord[]): Promise<AppendResult> {
    return this.batches.append(records);
  }

  async consume(options: ConsumeOptions, handlers: ConsumerHandlers): Promise<Consumer> {
    await this.pool.query('select 1');
    const consumer = new PostgresConsumer(this.pool, options, handlers, this.log, () => this.trim());
    this.consumers.add(consumer);
    return consumer;
  }

  async prepare(): Promise<void> {
    await this.pool.query(
      `insert into log_partition (topic, partition)
       select t, p from unnest($1::text[]) as t, generate_series(0, $2 - 1) as p on conflict do nothing`,
      [Object.values(topics), partitionCount],
    );
    const found = await this.pool.query<{ topic: string; partitions: number }>(
      'select topic, count(*) as partitions from log_partition where topic = any ($1) group by topic',
      [Object.values(topics)],
    );
    for (const { topic, partitions } of found.rows) {
      if (partitions === partitionCount) continue;
      throw new DomainError(
        'log-partitions',
        `Topic ${topic} has ${partitions} partitions instead of ${partitionCount}.`,
      );
    }
  }

  async reachable(): Promise<boolean> {
    return within(2_000, this.pool.query('select 1 from log_partition limit 1')).then(
      () => true,
      () => false,
    );
  }

  async bounds(topic: Topic): Promise<PartitionBounds[]> {
    const found = await this.pool.query<PartitionBounds>(
      `select topic, partition, begin, next as "end" from log_partition where topic = $1 order by partition`,
      [topic],
    );
    return found.rows;
  }

  /** Removes what is old and applied; a record that the projector has not passed stays, however old. */
  async trim(): Promise<void> {
    await this.pool.query(
      `with cut as (
         select r.topic, r.partition, max(r.position) + 1 as begin
         from log_record r join partition_offset o on o.topic = r.topic and o.partition = r.partition and r.position < o.next
         where r.appended_at < leadfold_now() - make_interval(days => $1)
         group by r.topic, r.partition
       ), moved as (
         update log_partition p set begin = greatest(p.begin, cut.begin) from cut
         where p.topic = cut.topic and p.partition = cut.partition
       )
       delete from log_record r using cut where r.topic = cut.topic and r.partition = cut.partition and r.position < cut.begin`,
      [this.options.retentionDays],
    );
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.stop()));
    await this.batches.close();
    await this.pool.end();
  }

  private async send(records: OutgoingRecord[]): Promise<AppendResult> {
    const columns = [
      records.map((record) => record.topic),
      records.map((record) => record.partition),
      records.map((record) => bytesOf(record.key)),
      records.map((record) => JSON.stringify(record.headers)),
      records.map((record) => bytesOf(record.value)),
    ];
    try {
      await within(
        2_500,
        this.pool.query('select log_append($1::text[], $2::int[], $3::bytea[], $4::text[], $5::bytea[])', columns),
      );
      return { acked: records.map(() => true) };
    } catch (error) {
      // the commit may have happened all the same: the caller tries again, the event id removes the second
      this.log.warn({ records: records.length, cause: (error as Error).message }, 'records not acknowledged');
      return { acked: records.map(() => false), error: error as Error };
    }
  }
}

const bytesOf = (value: string | Buffer | null): Buffer | null => (value === null ? null : Buffer.from(value));
