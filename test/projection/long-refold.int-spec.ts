import { expect, test } from '@jest/globals';
import { eventIdOf } from '#libs/platform';
import type { LeadEvent } from '#libs/leads/domain';
import { readLead, rebuild, refoldOnePending, verify } from '#libs/projection';
import type { TestDatabase } from '#test/database';
import { Projecting } from './projecting.js';
import { stageProjection } from './stage.js';

const now = Date.now();

/** Real: PostgreSQL. A refold of more than 100 events is long here, and slices hold 2,000. */
let db: TestDatabase;
let projecting: Projecting;
stageProjection(
  (staged) => ({ db, projecting } = staged),
  (db) => new Projecting(db, 'Asia/Tokyo', { refoldLimit: 100 }),
);

const event = (name: string, fields: Partial<LeadEvent> = {}): LeadEvent => ({
  id: eventIdOf('test', name),
  type: 'page',
  source: 'test',
  occurredAt: now - 60_000,
  receivedAt: now,
  email: 'a@x.jp',
  properties: { path: `/products/${name}` },
  ...fields,
});
const withdraw = (name: string) =>
  event(`withdraw ${name}`, {
    type: 'retraction',
    name: 'withdrawn',
    refersTo: eventIdOf('test', name),
    properties: {},
  });
const many = Array.from({ length: 4_500 }, (_, index) => event(`v${index}`));
const lead = async () => (await readLead(db.pool, { key: 'e:a@x.jp' }))!;
const counted = async () =>
  Math.max(...Object.values((await lead()).state.counters).map((days) => Object.values(days)[0]!.count));

/** Holds the refold at its last step, where it waits for the lead's row. */
async function whileRefolding(work: () => Promise<void>): Promise<void> {
  const holder = await db.pool.connect();
  await holder.query('begin');
  await holder.query('select 1 from lead for update');
  const refolding = refoldOnePending(projecting.pool, projecting.context);
  const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and application_name = 'leadfold-test-projector'`;
  while ((await db.pool.query(waiting)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const batch = work();
  while ((await db.pool.query(waiting)).rowCount! < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  await holder.query('commit');
  holder.release();
  expect(await refolding).toBe(true);
  await batch;
}

test('a long refold reads slices without a lock, and counts what came meanwhile once', async () => {
  await projecting.apply(many);
  await projecting.apply([withdraw('v0')]);
  expect((await lead()).refoldPending).toBe(true);
  // stored, not folded: its lead waits
  await projecting.apply([event('before')]);
  expect(await counted()).toBe(4_500);
  const other = new Projecting(db, 'Asia/Tokyo', { refoldLimit: 100 });
  await whileRefolding(() => other.apply([event('meanwhile')], 1));
  await other.end();
  await refoldOnePending(projecting.pool, projecting.context);
  expect((await lead()).refoldPending).toBe(false);
  expect(await counted()).toBe(4_501);
  expect(await verify(projecting.pool, projecting.context)).toMatchObject({ differences: [], pending: [] });
});

test('what is judged while a long refold is under way makes it begin anew', async () => {
  await projecting.apply(many);
  await projecting.apply([withdraw('v0')]);
  const client = await db.pool.connect();
  await client.query('begin isolation level repeatable read');
  const before = (await client.query<{ version: number }>('select version from lead')).rows[0]!.version;
  await projecting.apply([withdraw('v1')]);
  expect((await db.pool.query<{ version: number }>('select version from lead')).rows[0]!.version).toBeGreaterThan(
    before,
  );
  await client.query('commit');
  client.release();
  expect(await refoldOnePending(projecting.pool, projecting.context)).toBe(true);
  expect(await counted()).toBe(4_498);
  expect(await verify(projecting.pool, projecting.context)).toMatchObject({ differences: [], pending: [] });
});

test('a rebuild reads long histories in slices as well, and other leads go on beside a pending one', async () => {
  await projecting.apply([...many, event('other', { email: 'b@x.jp' })]);
  await projecting.apply([withdraw('v0'), event('other-2', { email: 'b@x.jp' })]);
  expect((await readLead(db.pool, { key: 'e:b@x.jp' }))!.refoldPending).toBe(false);
  expect(await rebuild(projecting.pool, projecting.context)).toMatchObject({ leads: 2, corrected: 1, relinked: 0 });
  expect(await counted()).toBe(4_499);
  expect(await refoldOnePending(projecting.pool, projecting.context)).toBe(false);
});
