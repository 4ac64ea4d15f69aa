import type { KafkaMessage } from 'kafkajs';
import type { StoredRecord } from '../port.js';

const headBytes = 61;
const format = 2;
/** Compression, transactional, control: bits of the attributes. */
const extraordinary = 0x37;

/** A record batch of format 2 as it came, in kafkajs' eyes one message that stands at its last record's offset. */
export class EncodedRecords {
  readonly offset: string;
  readonly isControlRecord = false;
  readonly key = null;
  readonly value = null;
  readonly headers = {};
  readonly batchContext = { producerId: '-1', inTransaction: false };
  readonly first: number;
  readonly count: number;

  private constructor(
    readonly buffer: Buffer,
    start: number,
    readonly end: number,
  ) {
    this.first = Number(buffer.readBigInt64BE(start));
    this.count = buffer.readInt32BE(start + 57);
    this.from = start + headBytes;
    this.offset = String(this.first + buffer.readInt32BE(start + 23));
  }

  /** Where its records begin. */
  readonly from: number;

  static at(buffer: Buffer, start: number, limit: number): EncodedRecords | 'cut' | 'other' {
    if (start + headBytes > limit) return 'cut';
    if (buffer[start + 16] !== format) return 'other';
    const end = start + 12 + buffer.readInt32BE(start + 8);
    if (end > limit) return 'cut';
    if ((buffer.readInt16BE(start + 21) & extraordinary) !== 0) return 'other';
    return new EncodedRecords(buffer, start, end);
  }
}

/** Takes records out of a fetched batch one by one, from a position on: each is decoded when its turn comes, and only once. */
export class RecordReader {
  private index = 0;
  private left = 0;
  private first = 0;
  private buffer!: Buffer;
  private cursor = 0;

  constructor(
    private readonly messages: readonly (KafkaMessage | EncodedRecords)[],
    private readonly from: number,
  ) {}

  get done(): boolean {
    return this.left === 0 && this.index >= this.messages.length;
  }

  /** The next ones, `most` at the most; fewer only at the end. */
  take(most: number): StoredRecord[] {
    const records: StoredRecord[] = [];
    while (records.length < most && !this.done) {
      const record = this.left > 0 ? this.decode() : this.open();
      if (record && record.position >= this.from) records.push(record);
    }
    return records;
  }

  private open(): StoredRecord | undefined {
    const message = this.messages[this.index++]!;
    if (!(message instanceof EncodedRecords)) return storedRecord(message);
    this.buffer = message.buffer;
    this.cursor = message.from;
    this.left = message.count;
    this.first = message.first;
    return undefined;
  }

  private decode(): StoredRecord {
    this.left -= 1;
    const { buffer } = this;
    const length = varint(buffer, this.cursor);
    const start = cursor;
    const end = start + length;
    if (length < 0 || end > buffer.length) throw new Error('a record batch that does not hold what it says');
    this.cursor = end;
    // behind the attributes, which nothing uses, and the time
    varint(buffer, start + 1);
    const position = this.first + varint(buffer, cursor);
    const keyLength = varint(buffer, cursor);
    const keyAt = cursor;
    const valueLength = varint(buffer, keyAt + Math.max(0, keyLength));
    const valueAt = cursor;
    return new RecordInPlace(position, buffer, keyAt, keyLength, valueAt, valueLength);
  }
}

/** Where the last `varint` ended. */
let cursor = 0;

function varint(buffer: Buffer, at: number): number {
  let value = 0;
  cursor = at;
  for (let shift = 0; ; shift += 7) {
    const byte = buffer[cursor++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
  }
}

/**
 * A record as it lies in its fetch. Batches under way hold thousands of them for as long as the database takes, and what is
 * held every collection of garbage copies: so nothing is cut out before somebody asks, nor kept then.
 */
class RecordInPlace implements StoredRecord {
  constructor(
    readonly position: number,
    private readonly buffer: Buffer,
    private readonly keyAt: number,
    private readonly keyLength: number,
    private readonly valueAt: number,
    private readonly valueLength: number,
  ) {}

  get key(): Buffer | null {
    return this.keyLength < 0 ? null : this.buffer.subarray(this.keyAt, this.keyAt + this.keyLength);
  }

  get value(): Buffer | null {
    return this.valueLength < 0 ? null : this.buffer.subarray(this.valueAt, this.valueAt + this.valueLength);
  }

  /** Of several headers of one name the first counts; one without a value is none. */
  get headers(): Record<string, string> {
    const { buffer } = this;
    const headers: Record<string, string> = {};
    const count = varint(buffer, this.valueAt + Math.max(0, this.valueLength));
    for (let index = 0; index < count; index += 1) {
      const before = (remembered[index] ??= new Remembered());
      const nameLength = varint(buffer, cursor);
      const name = before.name.read(buffer, cursor, nameLength);
      const valueLength = varint(buffer, cursor + nameLength);
      if (valueLength < 0) continue;
      const value = before.value.read(buffer, cursor, valueLength);
      cursor += valueLength;
      if (!Object.hasOwn(headers, name)) headers[name] = value;
    }
    return headers;
  }
}

const mostMisses = 16;

/** The text that stood at this place of the record before: most headers say the same again, and comparing costs less than reading. */
class LastText {
  private text = '';
  private bytes: Uint8Array = new Uint8Array();
  private misses = 0;

  read(buffer: Buffer, start: number, length: number): string {
    // an id or a time never says the same again
    if (this.misses >= mostMisses) return buffer.toString('utf8', start, start + length);
    const { bytes } = this;
    if (length === bytes.length) {
      let same = 0;
      while (same < length && bytes[same] === buffer[start + same]) same += 1;
      if (same === length) {
        this.misses = 0;
        return this.text;
      }
    }
    this.misses += 1;
    this.text = buffer.toString('utf8', start, start + length);
    this.bytes = Uint8Array.from(buffer.subarray(start, start + length));
    return this.text;
  }
}

class Remembered {
  readonly name = new LastText();
  readonly value = new LastText();
}
const remembered: Remembered[] = [];

/** Header values may be missing, bytes or a list: the first one as text is what CloudEvents means. */
function storedRecord(message: KafkaMessage): StoredRecord {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers ?? {})) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined && first !== null) headers[name] = first.toString();
  }
  return { position: Number(message.offset), key: message.key ?? null, headers, value: message.value ?? null };
}
