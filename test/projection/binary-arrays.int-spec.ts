import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { inPipelinedTransaction, type WrittenValue } from '#libs/platform';
import { createTestDatabase, type TestDatabase } from '#test/database';
import * as binary from '../../libs/projection/src/store/binary-arrays.js';

/** Real: PostgreSQL, which says what it has read as JSON. */
let db: TestDatabase;
beforeAll(async () => (db = await createTestDatabase()));
afterAll(() => db.drop());

const ms = 'array(select (extract(epoch from t) * 1000)::bigint from unnest($1) as t)';
const storable = fc.string({ unit: 'grapheme' }).filter((text) => !/[\0\ud800-\udfff]/u.test(text));
const kinds: [string, string, (values: never[]) => WrittenValue, fc.Arbitrary<unknown>][] = [
  [
    'text',
    '$1',
    binary.binaryTexts,
    fc.oneof(storable, fc.constantFrom('', 'ä', '見積', 'x'.repeat(60), '🚀'.repeat(40), '{"a":"\\\\"}')),
  ],
  [
    'text',
    '$1',
    (values: (string | null)[]) => binary.binaryTextsOf(values.map((value) => Buffer.from(value ?? ''))),
    storable,
  ],
  [
    'timestamptz',
    ms,
    binary.binaryTimes,
    fc.oneof(fc.integer({ min: -2e12, max: 4e12 }), fc.constantFrom(0, Date.UTC(2000, 0, 1), -1)),
  ],
  [
    'bigint',
    '$1',
    binary.binaryLongs,
    fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, -1, 2 ** 32, 2 ** 32 - 1, -(2 ** 32))),
  ],
  ['int', '$1', binary.binaryInts, fc.integer()],
  ['bool', '$1', binary.binaryFlags, fc.boolean()],
  ['uuid', '$1', binary.binaryIds, fc.uuid()],
];

test.each(kinds)('%s[] as %s is read as it was meant, empty and with nulls', async (type, select, written, value) => {
  const nothing = written === kinds[1]![2] ? fc.constant('') : fc.constant(null);
  const text = `select to_json(${select.replaceAll('$1', `$1::${type}[]`)}) as read, cardinality($2::${type}[]) as none`;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ arbitrary: value, weight: 4 }, nothing), { maxLength: 20 }),
      async (values) => {
        const query = { name: `read-${type}-${written.name}`, text, values: [written(values as never[]), written([])] };
        const { rows } = await inPipelinedTransaction(db.pool, (client) => client.query(query));
        expect(rows).toEqual([{ read: values, none: 0 }]);
      },
    ),
    { numRuns: 40 },
  );
});
