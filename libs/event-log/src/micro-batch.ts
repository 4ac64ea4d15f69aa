import type { AppendResult, LogRecord, Topic } from './port.js';
import { partitionOf } from './partition-of.js';

/** A record whose partition is known before it is sent, so that the answer can be checked for it. */
export interface OutgoingRecord {
  topic: Topic;
  partition: number;
  key: string | Buffer | null;
  headers: Record<string, string>;
  value: string | Buffer | null;
}

export interface MicroBatchOptions {
  /** Tells of each record whether it is durable; answers within a bound of its own and never throws. */
  send(records: OutgoingRecord[]): Promise<AppendResult>;
  sendsInFlight: number;
  lingerMs?: number;
  maxRecords?: number;
  maxQueuedRecords?: number;
  maxQueuedBytes?: number;
  /** A record that waited longer than this is not sent any more: its caller must be able to answer. */
  maxAgeMs?: number;
}

interface Call {
  acked: boolean[];
  open: number;
  error?: Error;
  resolve(result: AppendResult): void;
}

interface Item {
  record: OutgoingRecord;
  bytes: number;
  queuedAt: number;
  call: Call;
  index: number;
}

/** Gathers single appends into sends: waits a moment while idle, takes what has gathered while a send is under way. */
export class MicroBatch {
  private queue: Item[] = [];
  private queuedBytes = 0;
  private sending = 0;
  private timer: NodeJS.Timeout | undefined;
  private idle: (() => void)[] = [];
  private closed = false;
  private readonly options: Required<MicroBatchOptions>;

  constructor(options: MicroBatchOptions) {
    this.options = {
      lingerMs: 1,
      maxRecords: 500,
      maxQueuedRecords: 20_000,
      maxQueuedBytes: 64 * 1024 * 1024,
      maxAgeMs: 2_000,
      ...options,
    };
  }

  append(records: LogRecord[]): Promise<AppendResult> {
    return this.appendRaw(records.map((record) => ({ ...record, partition: partitionOf(record.key) })));
  }

  appendRaw(records: OutgoingRecord[]): Promise<AppendResult> {
    if (records.length === 0) return Promise.resolve({ acked: [] });
    const refused = this.refusal(records);
    if (refused) return Promise.resolve({ acked: records.map(() => false), error: refused });
    return new Promise((resolve) => {
      const call: Call = { acked: new Array<boolean>(records.length).fill(false), open: records.length, resolve };
      const queuedAt = performance.now();
      records.forEach((record, index) => {
        const bytes = sizeOf(record);
        this.queuedBytes += bytes;
        this.queue.push({ record, bytes, queuedAt, call, index });
      });
      this.schedule();
    });
  }

  /** What is queued is still sent; new records are refused. */
  async close(): Promise<void> {
    this.closed = true;
    if (this.queue.length || this.sending) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private refusal(records: OutgoingRecord[]): Error | undefined {
    if (this.closed) return new Error('the log is closed');
    // an empty queue takes a call of any size, or a large one could never be appended
    if (this.queue.length === 0) return undefined;
    const full =
      this.queue.length + records.length > this.options.maxQueuedRecords || this.queuedBytes > this.options.maxQueuedBytes;
    return full ? new Error('too many records are waiting for the log') : undefined;
  }

  private schedule(): void {
    if (this.sending >= this.options.sendsInFlight || this.timer || this.queue.length === 0) return;
    if (this.queue.length >= this.options.maxRecords) return void this.flush();
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.flush();
    }, this.options.lingerMs);
  }

  private async flush(): Promise<void> {
    const items = this.take();
    if (items.length) {
      this.sending += 1;
      this.schedule();
      const result = await this.options.send(items.map((item) => item.record)).catch((error: Error) => ({
        acked: [] as boolean[],
        error,
      }));
      this.sending -= 1;
      items.forEach((item, index) => settle(item, result.acked[index] === true, result.error));
    }
    if (this.queue.length === 0 && this.sending === 0) for (const resolve of this.idle.splice(0)) resolve();
    // what gathered meanwhile has waited long enough; the callers just answered may add to it within this turn
    else if (this.queue.length && !this.timer) setImmediate(() => void (this.sending < this.options.sendsInFlight && this.flush()));
  }

  private take(): Item[] {
    const oldest = performance.now() - this.options.maxAgeMs;
    const taken = this.queue.splice(0, this.options.maxRecords);
    for (const item of taken) this.queuedBytes -= item.bytes;
    const [late, fresh] = [taken.filter((item) => item.queuedAt < oldest), taken.filter((item) => item.queuedAt >= oldest)];
    // the log was slow, not the record's fault: the caller may come again
    for (const item of late) settle(item, false, new Error('the log did not take this record in time'));
    return fresh;
  }
}

function settle(item: Item, acked: boolean, error: Error | undefined): void {
  const { call } = item;
  call.acked[item.index] = acked;
  if (!acked) call.error ??= error ?? new Error('the log did not acknowledge this record');
  call.open -= 1;
  if (call.open === 0) call.resolve(call.error ? { acked: call.acked, error: call.error } : { acked: call.acked });
}

function sizeOf(record: OutgoingRecord): number {
  return (record.value?.length ?? 0) + (record.key?.length ?? 0) + 300;
}
