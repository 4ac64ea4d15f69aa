/**
 * How facts arrive. Two methods, two adapters (Kafka, PostgreSQL), one contract suite. Nothing outside this lib knows
 * which adapter is at work.
 */
export const topics = { events: 'leadfold.events.v1', urgent: 'leadfold.events.urgent.v1' } as const;
export type Topic = (typeof topics)[keyof typeof topics];
export const partitionCount = 12;

export interface LogRecord {
  topic: Topic;
  key: string;
  headers: Record<string, string>;
  /** Bytes where a quarantined record is put back as it came. */
  value: string | Buffer;
}

export interface StoredRecord {
  /** Position in its partition, from 0, without gaps except where the log itself removed records. */
  position: number;
  key: Buffer | null;
  headers: Record<string, string>;
  /** Raw bytes: a poison record must survive as it came. */
  value: Buffer | null;
}

/** `acked[i]` says whether records[i] is durable (acks=all, answer checked per partition). Never throws for the log being away. */
export interface AppendResult {
  acked: boolean[];
  /** Why some were not acked. */
  error?: Error;
}

export interface RecordBatch {
  topic: Topic;
  partition: number;
  records: StoredRecord[];
  /** Where the next fetch begins: 1 + the highest position looked at (gaps of compaction included). */
  nextPosition: number;
  /** One past the newest record the log held when this batch was fetched: the lag is the difference. */
  highWatermark: number;
}

export interface PartitionBounds {
  topic: Topic;
  partition: number;
  /** First position still in the log, and one past the last. */
  begin: number;
  end: number;
}

export type BatchOutcome =
  /** Applied. Fetch goes on at `next`. */
  | { kind: 'done'; next: number }
  /** Fetch again from `position` (the record of what is applied lies behind or before this batch). */
  | { kind: 'seek'; position: number }
  /** This partition stops until the process restarts; an operator must act. */
  | { kind: 'stop'; reason: string };

export interface ConsumerHandlers {
  /** At every assignment: where to begin. Compares what is applied with what the log still holds. */
  assigned(bounds: PartitionBounds): Promise<{ start: number } | { stop: string }>;
  /** One call at a time per partition, different partitions concurrently up to `concurrency`, one more where the first of several topics has something. Throwing retries the same batch with back-off. */
  batch(batch: RecordBatch, signal: AbortSignal): Promise<BatchOutcome>;
  /**
   * Batches of several partitions of one topic that wait at the same time, `maxRecords` together at the most; one outcome for
   * each. Throwing retries each with back-off. Without it they come one
   * after the other.
   */
  batches?(batches: RecordBatch[]): Promise<BatchOutcome[]>;
  /** A fetch was answered, empty ones included: the consumer is alive. */
  alive(): void;
}

export interface ConsumeOptions {
  /** Stored by others: never changed. */
  group: string;
  /** In order of urgency: a partition of an earlier topic is handed out before any of a later one. */
  topics: Topic[];
  concurrency: number;
  /** Records per batch at the most; a batch is never held back to fill up. */
  maxRecords: number;
}

export interface Consumer {
  stop(): Promise<void>;
  /** Resolves when the consumer ended: by stop(), or rejects when it cannot go on (the process must exit). */
  readonly ended: Promise<void>;
}

export interface EventLog {
  /**
   * Micro-batched: waits about 1 ms when idle, gathers while a send is under way, 500 records at most. Records of a key
   * keep their order within one call of up to 500, and from one awaited call to the next.
   */
  append(records: LogRecord[]): Promise<AppendResult>;
  consume(options: ConsumeOptions, handlers: ConsumerHandlers): Promise<Consumer>;
  /** Creates missing topics and partitions; refuses a log whose partition count differs. */
  prepare(): Promise<void>;
  /** Produces nothing: is the log reachable right now? */
  reachable(): Promise<boolean>;
  bounds(topic: Topic): Promise<PartitionBounds[]>;
  close(): Promise<void>;
}
