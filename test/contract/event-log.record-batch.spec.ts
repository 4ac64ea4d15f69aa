import { createRequire } from 'node:module';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { topics } from '#libs/event-log';
import { crc32c } from '../../libs/event-log/src/kafka/crc32c.js';
import { EncodedRecords, RecordReader } from '../../libs/event-log/src/kafka/encoded-records.js';
import { encodeRecordBatch } from '../../libs/event-log/src/kafka/record-batch.js';

interface Decoded {
  lastOffsetDelta: number;
  producerId: string;
  maxTimestamp: string;
  records: { key: Buffer | null; value: Buffer | null; headers: Record<string, Buffer>; offset: string; timestamp: string }[];
}
const load = createRequire(import.meta.url);
const Decoder = load('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => unknown;
const decode = load('kafkajs/src/protocol/recordBatch/v0/decoder.js') as (decoder: unknown) => Promise<Decoded>;
const checksum = load('kafkajs/src/protocol/recordBatch/crc32C/index.js') as (bytes: Buffer) => number;

const text = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.string({ unit: 'grapheme', maxLength: 90 }),
  // around the lengths where a varint takes another byte
  fc.tuple(fc.constantFrom('x', 'é', '山', '🚀'), fc.constantFrom(16, 21, 31, 32, 63, 64, 2_047, 2_730, 4_095, 4_096, 8_191, 8_192, 30_000)).map(([one, count]) => one.repeat(count)),
);
const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
const record = fc.record({
  topic: fc.constant(topics.events),
  partition: fc.constant(3),
  key: fc.oneof(text, bytes, fc.constant(null)),
  headers: fc.dictionary(text.filter((name) => !(name in {})), text, { maxKeys: 7 }),
  value: fc.oneof(text, bytes, fc.constant(null)),
});
const asBytes = (value: string | Buffer | null) => (typeof value === 'string' ? Buffer.from(value) : value);

test('the checksum is CRC-32C', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (each) => crc32c(each) === checksum(Buffer.from(each)) >>> 0));
});

test('another decoder reads from a record batch what was put in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 6 }), fc.constantFrom(0, 0, 0, 130), async (some, more) => {
      const records = [...some, ...Array.from({ length: more }, (_, n) => ({ ...some[0]!, key: `k${n}`, value: null, headers: {} }))];
      const encoded = encodeRecordBatch(records, 1_800_000_000_123);
      expect(encoded.readInt32BE(8)).toBe(encoded.length - 12);
      expect(encoded.readUInt32BE(17)).toBe(checksum(encoded.subarray(21)) >>> 0);
      expect(encoded.readInt8(16)).toBe(2);
      const batch = await decode(new Decoder(encoded));
      expect(batch).toMatchObject({ lastOffsetDelta: records.length - 1, producerId: '-1', maxTimestamp: '1800000000123' });
      expect(batch.records.map(({ key, value, headers, offset, timestamp }) => ({ key, value, headers: { ...headers }, offset, timestamp }))).toEqual(
        records.map((each, index) => ({
          key: asBytes(each.key),
          value: asBytes(each.value),
          headers: Object.fromEntries(Object.entries(each.headers).map(([name, value]) => [name, Buffer.from(value)])),
          offset: String(index),
          timestamp: '1800000000123',
        })),
      );
    }),
    { numRuns: 40, seed: 7 },
  );
});

test('our reader takes from record batches what was put in, each record once, in slices of any size, from any position', () => {
  fc.assert(
    fc.property(fc.array(fc.array(record, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }), fc.nat(12), fc.integer({ min: 1, max: 5 }), (batches, from, most) => {
      const fetched = Buffer.concat([Buffer.from('before'), ...batches.map((some, index) => at(encodeRecordBatch(some, 1), batches.slice(0, index).flat().length))]);
      const messages: EncodedRecords[] = [];
      for (let start = 6; start < fetched.length;) {
        const batch = EncodedRecords.at(fetched, start, fetched.length);
        if (!(batch instanceof EncodedRecords)) throw new Error(batch);
        messages.push(batch);
        start = batch.end;
      }
      const all = batches.flat();
      expect(messages.at(-1)!.offset).toBe(String(all.length - 1));
      const reader = new RecordReader(messages, from);
      const taken = [];
      while (!reader.done) {
        const slice = reader.take(most);
        expect(reader.done || slice.length === most).toBe(true);
        taken.push(...slice);
      }
      const expected = all.map((each, position) => ({ position, key: asBytes(each.key), value: asBytes(each.value), headers: each.headers }));
      expect(taken.map(({ position, key, value, headers }) => ({ position, key, value, headers: { ...headers } }))).toEqual(expected.slice(from).map((each) => ({ ...each, headers: { ...each.headers } })));
    }),
    { numRuns: 100, seed: 11 },
  );
});

test('a batch that is cut off, compressed, transactional or of another format is told apart', () => {
  const whole = encodeRecordBatch([{ topic: topics.events, partition: 3, key: 'k', headers: {}, value: 'v' }], 1);
  const changed = (where: number, byte: number) => {
    const other = Buffer.from(whole);
    other[where] = byte;
    return EncodedRecords.at(other, 0, other.length);
  };
  expect(EncodedRecords.at(whole, 0, whole.length)).toBeInstanceOf(EncodedRecords);
  for (const limit of [3, 60, whole.length - 1]) expect(EncodedRecords.at(whole, 0, limit)).toBe('cut');
  expect([changed(16, 1), changed(22, 1), changed(22, 0x10), changed(22, 0x20)]).toEqual(['other', 'other', 'other', 'other']);
});

function at(batch: Buffer, offset: number): Buffer {
  batch.writeBigInt64BE(BigInt(offset), 0);
  return batch;
}
