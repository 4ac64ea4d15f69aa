import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { erasedHash, ErasedIndex, keysNamedBy, sieveOf, type ErasedKey } from './erased.js';
import type { LeadEvent } from './event.js';

const seed = Number(process.env['FC_SEED'] ?? 20_261_121);

const keyOf = (key: string, more: Partial<ErasedKey> = {}): ErasedKey => ({
  ...{ hash: erasedHash(key), sieve: sieveOf(key), occurredBefore: 1_000, receivedBefore: 5_000 },
  ...{ ownedFrom: -Infinity, ownedUntil: Infinity, ...more },
});
const event = (fields: Partial<LeadEvent>): LeadEvent => ({
  ...{ id: '0', type: 'page', source: 'www', occurredAt: 500, receivedAt: 500, properties: {}, ...fields },
});

test.each<[string, Partial<LeadEvent>, string[]]>([
  ['a visit of nobody known', { anonymousId: 'b' }, ['a:b']],
  ['a visit of somebody known, not its browser', { anonymousId: 'b', userId: 'main:1' }, ['u:main:1']],
  ['both strong keys', { userId: 'main:1', email: 'a@x.jp' }, ['u:main:1', 'e:a@x.jp']],
  ['the other key of a merge', { type: 'merge', email: 'a@x.jp', otherKey: 'u:main:1' }, ['e:a@x.jp', 'u:main:1']],
  ['an open of a mail', { email: 'a@x.jp', properties: { deliveryId: 'd-1' } }, ['e:a@x.jp', 'd:d-1']],
  ['a verdict', { type: 'verdict', refersTo: 'e-1' }, ['i:e-1']],
])('%s', (_, fields, names) => {
  expect(keysNamedBy(event(fields))).toEqual(names);
});

test('by the times of the event: what occurred before, and was received while the log could hold it', () => {
  const index = new ErasedIndex([keyOf('e:a@x.jp')]);
  const at = (occurredAt: number, receivedAt: number) => index.has(event({ email: 'a@x.jp', occurredAt, receivedAt }));
  expect([at(999, 999), at(999, 4_999), at(1_000, 1_000), at(999, 5_000)]).toEqual([true, true, false, false]);
  // received before, whatever a clock of theirs says
  expect(at(2_000, 999)).toBe(true);
});

test('of a shared browser only the time that was theirs', () => {
  const index = new ErasedIndex([keyOf('a:b', { ownedFrom: 100, ownedUntil: 200 })]);
  const at = (occurredAt: number) => index.has(event({ anonymousId: 'b', occurredAt, receivedAt: 900 }));
  expect([at(99), at(100), at(199), at(200)]).toEqual([false, true, true, false]);
  expect(index.hasRecordKey('b')).toBe(false);
  expect(new ErasedIndex([keyOf('a:b')]).hasRecordKey('b')).toBe(true);
});

test('the sieve lets every erased key through, and finds nobody else', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 60 }), fc.nat(), (keys, cut) => {
      const erased = keys.slice(0, cut % (keys.length + 1));
      const index = new ErasedIndex(erased.map((key) => keyOf(`e:${key}`)));
      expect(keys.filter((key) => index.has(event({ email: key })))).toEqual(erased);
    }),
    { seed, numRuns: 500 },
  );
});
