import { beforeEach, expect, test } from '@jest/globals';
import { eventIdOf } from '#libs/platform';
import type { LeadEvent } from '#libs/leads/domain';
import { prepareOffset } from '#libs/projection';
import type { StoredRecord } from '#libs/event-log';
import type { TestDatabase } from '#test/database';
import { canonicalLeads, emptyTables, Projecting, storedRecord } from './projecting.js';
import { stageProjection } from './stage.js';

const now = Date.now();

/** Real: PostgreSQL, transactions, locks. Batches of several partitions are handed in together, as the Kafka adapter does. */
let db: TestDatabase;
let projecting: Projecting;
stageProjection((staged) => ({ db, projecting } = staged));
beforeEach(async () => {
  for (const partition of [0, 1, 2]) await prepareOffset(db.pool, projecting.topic, partition);
});

const page = (name: string, fields: Partial<LeadEvent> = {}): LeadEvent => ({
  id: eventIdOf('test', name),
  type: 'page',
  source: 'test',
  occurredAt: now - 60_000,
  receivedAt: now,
  anonymousId: `browser-${name.slice(0, 1)}`,
  properties: { path: '/products/a' },
  ...fields,
});
const recordsOf = (events: LeadEvent[], from = 0): StoredRecord[] =>
  events.map((event, index) => storedRecord(event, from + index));
const together = (...batches: StoredRecord[][]) =>
  projecting.batches.applyTogether(batches.map((records, partition) => projecting.batchOf(partition, records)));
const offsets = async () =>
  (
    await db.pool.query<Record<string, number>>(
      'select next, consumed, stored, quarantined, duplicates, conflicts from partition_offset order by partition',
    )
  ).rows.map((row) => Object.values(row));
const batchCount = async (): Promise<number> =>
  (await db.pool.query<{ n: number }>('select count(*) as n from batch')).rows[0]!.n;

test('I4, I8: partitions applied together are one transaction, count each for itself, and leave what one by one leaves', async () => {
  const identify = page('a-who', { type: 'identify', links: true, email: 'a@x.jp' });
  const shares = [
    [page('a1'), page('b1'), page('a1')],
    [page('a2'), page('b1', { properties: { path: '/other' } }), identify],
    [page('c1')],
  ];
  expect(await together(...shares.map((events) => recordsOf(events)))).toEqual(
    [3, 3, 1].map((next) => ({ kind: 'done', next })),
  );
  expect(await offsets()).toEqual([
    [3, 3, 2, 0, 1, 0],
    [3, 3, 2, 0, 1, 1],
    [1, 1, 1, 0, 0, 0],
  ]);
  expect(await batchCount()).toBe(1);
  expect((await db.pool.query('select distinct batch from event')).rowCount).toBe(1);
  const leads = await canonicalLeads(db.pool);
  expect(leads).toHaveLength(3);
  await emptyTables(db.pool);
  for (const [partition, events] of shares.entries()) await projecting.apply(events, partition);
  expect(await canonicalLeads(db.pool)).toEqual(leads);
});

test('I14: a record that only PostgreSQL refuses costs its partition a transaction of its own, and nobody his events', async () => {
  const refused = storedRecord(page('b2'), 1);
  const poison = { ...refused, value: Buffer.from(refused.value!.toString().replace('/products/a', '\\u0000')) };
  const noJson = { ...storedRecord(page('c2'), 0), value: Buffer.from('{') };
  const outcomes = await together(
    recordsOf([page('a1')]),
    [storedRecord(page('b1'), 0), poison],
    [noJson, storedRecord(page('c1'), 1)],
  );
  expect(outcomes).toEqual([1, 2, 2].map((next) => ({ kind: 'done', next })));
  expect(await offsets()).toEqual([
    [1, 1, 1, 0, 0, 0],
    [2, 2, 1, 1, 0, 0],
    [2, 2, 1, 1, 0, 0],
  ]);
});

test('I12: partitions that stand elsewhere than thought get answers of their own, and the others are applied', async () => {
  await projecting.apply([page('a0'), page('a1')], 0);
  await db.pool.query(`update partition_offset set stopped = 'an operator' where partition = 1`);
  const outcomes = await together(
    recordsOf([page('a0'), page('a1'), page('a2')]),
    recordsOf([page('b1')]),
    recordsOf([page('c5')], 5),
  );
  expect(outcomes).toEqual([
    { kind: 'done', next: 3 },
    { kind: 'stop', reason: 'an operator' },
    { kind: 'seek', position: 0 },
  ]);
  expect(await offsets()).toEqual([
    [3, 3, 3, 0, 0, 0],
    [0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0],
  ]);
});

test('no deadlock over partitions and leads: two projectors hold the same partitions in opposite order', async () => {
  const second = new Projecting(db);
  const shares = [0, 1, 2].map((partition) =>
    Array.from({ length: 40 }, (_, index) => page(`${index % 7}-${partition}-${index}`)),
  );
  const batches = (hands: Projecting) => shares.map((events, partition) => hands.batchOf(partition, recordsOf(events)));
  await Promise.all([
    projecting.batches.applyTogether(batches(projecting)),
    second.batches.applyTogether(batches(second).reverse()),
  ]);
  await second.end();
  expect(await offsets()).toEqual(shares.map(() => [40, 40, 40, 0, 0, 0]));
});
