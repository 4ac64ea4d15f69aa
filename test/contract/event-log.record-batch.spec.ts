import { createRequire } from 'node:module';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { topics } from '#libs/event-log';
import { crc32c } from '../../libs/event-log/src/kafka/crc32c.js';
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
  headers: fc.dictionary(text.filter((name) => name !== '__proto__'), text, { maxKeys: 7 }),
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
    { numRuns: 40 },
  );
});
