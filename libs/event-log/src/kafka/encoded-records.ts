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
    const length = this.varint();
    const end = this.cursor + length;
    if (length < 0 || end > this.buffer.length) throw new Error('a record batch that does not hold what it says');
    // attributes, which nothing uses
    this.cursor += 1;
    this.skipVarint();
    const position = this.first + this.varint();
    const key = this.bytes();
    const value = this.bytes();
    const headers: Record<string, string> = {};
    const count = this.varint();
    for (let index = 0; index < count; index += 1) this.header(headers, (remembered[index] ??= new Remembered()));
    this.cursor = end;
    return { position, key, headers, value };
  }

  /** Of several headers of one name the first counts; one without a value is none. */
  private header(headers: Record<string, string>, before: Remembered): void {
    const nameLength = this.varint();
    const name = before.name.read(this.buffer, this.cursor, nameLength);
    this.cursor += nameLength;
    const valueLength = this.varint();
    if (valueLength < 0) return;
    const value = before.value.read(this.buffer, this.cursor, valueLength);
    this.cursor += valueLength;
    if (!Object.hasOwn(headers, name)) headers[name] = value;
  }

  private bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const start = this.cursor;
    this.cursor += length;
    return this.buffer.subarray(start, this.cursor);
  }

  private varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.buffer[this.cursor++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
  }

  private skipVarint(): void {
    while (this.buffer[this.cursor++]! >= 0x80);
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
