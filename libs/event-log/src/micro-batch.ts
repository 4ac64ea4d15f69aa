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
  /** Of one send, and so of one partition's records in it: a broker refuses a record batch over 1 MB. */
  maxBytes?: number;
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

/** What of one call goes into one send; most calls are one part. */
interface Part {
  records: OutgoingRecord[];
  bytes: number;
  queuedAt: number;
  call: Call;
  /** Of its first record in the call. */
  index: number;
}

/** Gathers single appends into sends: waits a moment while idle, takes what has gathered while a send is under way. */
export class MicroBatch {
  private readonly queue: Part[] = [];
  private queuedRecords = 0;
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
      maxBytes: 800 * 1024,
      maxQueuedRecords: 20_000,
      maxQueuedBytes: 32 * 1024 * 1024,
      maxAgeMs: 2_000,
      ...options,
    };
  }

  append(records: LogRecord[]): Promise<AppendResult> {
    return this.appendRaw(
      records.map(({ topic, key, headers, value }) => ({ topic, partition: partitionOf(key), key, headers, value })),
    );
  }

  appendRaw(records: OutgoingRecord[]): Promise<AppendResult> {
    if (records.length === 0) return Promise.resolve({ acked: [] });
    const refused = this.refusal(records);
    if (refused) return Promise.resolve({ acked: records.map(() => false), error: refused });
    return new Promise((resolve) => {
      this.enqueue(records, { acked: new Array<boolean>(records.length).fill(false), open: records.length, resolve });
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
      this.queuedRecords + records.length > this.options.maxQueuedRecords ||
      this.queuedBytes > this.options.maxQueuedBytes;
    return full ? new Error('too many records are waiting for the log') : undefined;
  }

  private enqueue(records: OutgoingRecord[], call: Call): void {
    const queuedAt = performance.now();
    let [from, bytes] = [0, 0];
    const close = (to: number) => {
      this.queue.push({
        records: from === 0 && to === records.length ? records : records.slice(from, to),
        bytes,
        queuedAt,
        call,
        index: from,
      });
      this.queuedRecords += to - from;
      this.queuedBytes += bytes;
      [from, bytes] = [to, 0];
    };
    records.forEach((record, index) => {
      const more = sizeOf(record);
      if (index > from && (bytes + more > this.options.maxBytes || index - from === this.options.maxRecords))
        close(index);
      bytes += more;
    });
    close(records.length);
  }

  private schedule(): void {
    if (this.sending >= this.options.sendsInFlight || this.timer || this.queue.length === 0) return;
    if (this.queuedRecords >= this.options.maxRecords) return void this.flush();
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.flush();
    }, this.options.lingerMs);
  }

  private async flush(): Promise<void> {
    const parts = this.take();
    if (parts.length) {
      this.sending += 1;
      this.schedule();
      const records = parts.length === 1 ? parts[0]!.records : parts.flatMap((part) => part.records);
      const result = await this.options.send(records).catch((error: Error) => ({ acked: [] as boolean[], error }));
      this.sending -= 1;
      let at = 0;
      for (const part of parts) {
        settle(part, result.acked, at, result.error);
        at += part.records.length;
      }
    }
    if (this.queue.length === 0 && this.sending === 0) for (const resolve of this.idle.splice(0)) resolve();
    // what gathered meanwhile has waited long enough; the callers just answered may add to it within this turn
    else if (this.queue.length && !this.timer)
      setImmediate(() => void (this.sending < this.options.sendsInFlight && this.flush()));
  }

  /** Whole parts up to the bounds of one send. */
  private take(): Part[] {
    const oldest = performance.now() - this.options.maxAgeMs;
    const fresh: Part[] = [];
    let [count, records, bytes] = [0, 0, 0];
    for (const part of this.queue) {
      const late = part.queuedAt < oldest;
      if (
        !late &&
        records > 0 &&
        (records + part.records.length > this.options.maxRecords || bytes + part.bytes > this.options.maxBytes)
      )
        break;
      count += 1;
      this.queuedRecords -= part.records.length;
      this.queuedBytes -= part.bytes;
      if (late) {
        // the log was slow, not the record's fault: the caller may come again
        settle(part, [], 0, new Error('the log did not take this record in time'));
        continue;
      }
      fresh.push(part);
      records += part.records.length;
      bytes += part.bytes;
    }
    this.queue.splice(0, count);
    return fresh;
  }
}

function settle({ call, index, records }: Part, acked: boolean[], from: number, error: Error | undefined): void {
  for (let i = 0; i < records.length; i += 1) {
    call.acked[index + i] = acked[from + i] === true;
    if (acked[from + i] !== true) call.error ??= error ?? new Error('the log did not acknowledge this record');
  }
  call.open -= records.length;
  if (call.open === 0) call.resolve(call.error ? { acked: call.acked, error: call.error } : { acked: call.acked });
}

function sizeOf({ key, value }: OutgoingRecord): number {
  return (value === null ? 0 : Buffer.byteLength(value)) + (key === null ? 0 : Buffer.byteLength(key)) + 300;
}
