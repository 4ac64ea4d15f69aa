import type { OutgoingRecord } from '../micro-batch.js';
import { crc32c } from './crc32c.js';

const headBytes = 61;
/** The checksum covers everything behind itself. */
const checkedFrom = 21;
const shortText = 48;

/** One buffer for all: encoding never waits, so nobody else writes into it meanwhile. */
let scratch = Buffer.allocUnsafeSlow(256 * 1024);
let at = 0;

/**
 * Kafka's record batch, format 2, uncompressed: what all records of one partition travel in. kafkajs makes a buffer for
 * every field of every record, which costs more than the rest of collecting; this writes each byte once.
 */
export function encodeRecordBatch(records: readonly OutgoingRecord[], now: number): Buffer {
  at = headBytes;
  records.forEach(putRecord);
  const end = at;
  scratch.fill(0, 0, headBytes);
  scratch.writeInt32BE(end - 12, 8);
  scratch.writeInt8(2, 16);
  scratch.writeInt32BE(records.length - 1, 23);
  putInstant(now, 27);
  putInstant(now, 35);
  // no producer id, epoch or sequence: event ids make repetition harmless
  scratch.fill(0xff, 43, 57);
  scratch.writeInt32BE(records.length, 57);
  scratch.writeUInt32BE(crc32c(scratch, checkedFrom, end), 17);
  return Buffer.from(scratch.subarray(0, end));
}

function putRecord({ key, value, headers }: OutgoingRecord, index: number): void {
  const start = at;
  // most records need two bytes for their length
  at += 2;
  room(16);
  scratch[at++] = 0;
  scratch[at++] = 0;
  putVarint(index);
  putBytes(key);
  putBytes(value);
  const names = Object.keys(headers);
  putVarint(names.length);
  for (const name of names) {
    putText(name);
    putText(headers[name]!);
  }
  const length = at - start - 2;
  moveBy(start + 2, varintSize(length) - 2);
  const end = at;
  at = start;
  putVarint(length);
  at = end;
}

function putBytes(bytes: string | Buffer | null): void {
  if (typeof bytes === 'string') return putText(bytes);
  room((bytes?.length ?? 0) + 5);
  if (bytes === null) {
    putVarint(-1);
    return;
  }
  putVarint(bytes.length);
  at += bytes.copy(scratch, at);
}

/** Takes the text for ASCII; where it is not, the length needs another look. */
function putText(text: string): void {
  const characters = text.length;
  room(characters * 3 + 5);
  const guessed = varintSize(characters);
  const start = at + guessed;
  const bytes = (characters <= shortText && putAscii(text, start)) || scratch.write(text, start, 'utf8');
  const from = at;
  at = start + bytes;
  moveBy(start, varintSize(bytes) - guessed);
  const end = at;
  at = from;
  putVarint(bytes);
  at = end;
}

/** A call into the runtime costs more than a loop over a few characters. 0 when it is not ASCII. */
function putAscii(text: string, start: number): number {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return 0;
    scratch[start + i] = code;
  }
  return text.length;
}

/** Moves what was written from `start` on, because the length before it takes more or fewer bytes than thought. */
function moveBy(start: number, by: number): void {
  if (by === 0) return;
  room(by);
  scratch.copyWithin(start + by, start, at);
  at += by;
}

function putVarint(value: number): void {
  let left = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; left > 0x7f; left >>>= 7) scratch[at++] = (left & 0x7f) | 0x80;
  scratch[at++] = left;
}

function varintSize(length: number): number {
  return length < 64 ? 1 : length < 8_192 ? 2 : length < 1_048_576 ? 3 : length < 134_217_728 ? 4 : 5;
}

function putInstant(ms: number, where: number): void {
  scratch.writeUInt32BE(Math.floor(ms / 2 ** 32), where);
  scratch.writeUInt32BE(ms % 2 ** 32, where + 4);
}

function room(bytes: number): void {
  if (at + bytes <= scratch.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(scratch.length * 2, at + bytes));
  scratch.copy(larger, 0, 0, at);
  scratch = larger;
}
