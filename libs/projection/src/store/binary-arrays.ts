/**
 * One-dimensional arrays in PostgreSQL's binary form, for the widest statement of a batch: neither side prints or parses
 * numbers, ids and times, and bodies go through as the bytes that came.
 */
const oid = { text: 25, timestamptz: 1184, uuid: 2950 } as const;
const headerBytes = 20;

function withHeader(capacity: number, type: keyof typeof oid, length: number, hasNull: boolean): Buffer {
  const buffer = Buffer.allocUnsafe(headerBytes + capacity);
  buffer.writeInt32BE(length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(hasNull ? 1 : 0, 4);
  buffer.writeInt32BE(oid[type], 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}

/** An array without elements has no dimension either. */
const filled = (buffer: Buffer, end: number, length: number): Buffer => buffer.subarray(0, length === 0 ? 12 : end);

export function binaryTexts(values: readonly (string | null | undefined)[]): Buffer {
  let capacity = 0;
  let hasNull = false;
  for (const value of values) {
    if (value === null || value === undefined) hasNull = true;
    capacity += 4 + 3 * (value?.length ?? 0);
  }
  const buffer = withHeader(capacity, 'text', values.length, hasNull);
  let at = headerBytes;
  for (const value of values) {
    const written = value === null || value === undefined ? -1 : buffer.write(value, at + 4, 'utf8');
    buffer.writeInt32BE(written, at);
    at += 4 + Math.max(0, written);
  }
  return filled(buffer, at, values.length);
}

/** Of bytes that are known to be UTF-8. */
export function binaryTextsOf(values: readonly Buffer[]): Buffer {
  let capacity = 0;
  for (const value of values) capacity += 4 + value.length;
  const buffer = withHeader(capacity, 'text', values.length, false);
  let at = headerBytes;
  for (const value of values) {
    buffer.writeInt32BE(value.length, at);
    at += 4 + value.copy(buffer, at + 4);
  }
  return filled(buffer, at, values.length);
}

const epoch2000 = Date.UTC(2000, 0, 1);
const twoTo32 = 2 ** 32;

/** From milliseconds since 1970. */
export function binaryTimes(values: readonly number[]): Buffer {
  const buffer = withHeader(12 * values.length, 'timestamptz', values.length, false);
  let at = headerBytes;
  for (const ms of values) {
    const micros = Math.round((ms - epoch2000) * 1000);
    const high = Math.floor(micros / twoTo32);
    buffer.writeInt32BE(8, at);
    buffer.writeInt32BE(high, at + 4);
    buffer.writeUInt32BE(micros - high * twoTo32, at + 8);
    at += 12;
  }
  return filled(buffer, at, values.length);
}

/** Ids must have passed as UUIDs in lower case. */
export function binaryIds(values: readonly (string | null | undefined)[]): Buffer {
  let hasNull = false;
  for (const value of values) if (!value) hasNull = true;
  const buffer = withHeader(20 * values.length, 'uuid', values.length, hasNull);
  let at = headerBytes;
  for (const value of values) {
    buffer.writeInt32BE(value ? 16 : -1, at);
    at += 4;
    if (value) at = writeId(buffer, at, value);
  }
  return filled(buffer, at, values.length);
}

const dash = 45;
const nibble = (code: number): number => (code < 58 ? code - 48 : code - 87);

function writeId(buffer: Buffer, start: number, id: string): number {
  let at = start;
  for (let index = 0; index < 36; index += 2) {
    if (id.charCodeAt(index) === dash) index += 1;
    buffer[at] = (nibble(id.charCodeAt(index)) << 4) | nibble(id.charCodeAt(index + 1));
    at += 1;
  }
  return at;
}
