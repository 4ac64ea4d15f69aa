import { expect, test } from '@jest/globals';
import { canonicalLead, emailKey, makeZone, type LeadEvent } from '#libs/leads/domain';
import { createMetrics } from '#libs/platform';
import { countSkippedLinks, listSkippedLinks, readIdentity, readLead, rebuild, verify } from '#libs/projection';
import type { TestDatabase } from '#test/database';
import { ProjectorMetrics } from '../../apps/projector/src/projector-metrics.js';
import { testSignals } from '../oracle/histories.js';
import { naiveFold } from '../oracle/naive-fold.js';
import { canonicalLeads, Projecting } from './projecting.js';
import { eventsAt, stageProjection } from './stage.js';

const now = Date.now();
const limits = { keyLimit: 50, browserLimit: 50 };

/** Real: PostgreSQL. A device in an exhibition hall: people sign in one after the other, and look at something. */
let db: TestDatabase;
let projecting: Projecting;
stageProjection((staged) => ({ db, projecting } = staged));

const event = eventsAt(now);
const minute = 60_000;
const signIn = (index: number, browser = 'kiosk'): LeadEvent =>
  event(`${browser} in ${index}`, {
    ...{ type: 'identify', links: true, anonymousId: browser, email: `p${index}@x.jp`, properties: {} },
    occurredAt: now - 30 * 24 * 3_600_000 + index * minute,
  });
const view = (index: number, browser = 'kiosk'): LeadEvent =>
  event(`${browser} view ${index}`, { anonymousId: browser, occurredAt: signIn(index).occurredAt + 1 });
const visitors = (from: number, until: number, browser?: string): LeadEvent[] =>
  Array.from({ length: until - from }, (_, index) => [
    signIn(from + index, browser),
    view(from + index, browser),
  ]).flat();
const judged = (name: 'withdrawn' | 'restored', index: number): LeadEvent =>
  event(`${name} ${index}`, { type: 'retraction', name, refersTo: signIn(index).id, occurredAt: now, properties: {} });

const leadOf = async (key: string) => (await readLead(db.pool, { key }))!;
const viewsOf = async (key: string): Promise<number> => {
  const { state } = await leadOf(key);
  const viewed = testSignals.find((signal) => signal.name === 'viewed-product')!;
  return Object.values(state.counters[viewed.hash] ?? {}).reduce((sum, { count }) => sum + count, 0);
};

/** What the events say by the slow definition, what a verification says, and that a rebuild changes nothing. */
async function consistent(events: readonly LeadEvent[], browserLimit = limits.browserLimit): Promise<void> {
  const expected = [...naiveFold(events, testSignals, makeZone('Asia/Tokyo'), { ...limits, browserLimit })];
  expect(await canonicalLeads(db.pool)).toEqual(expected.map(([keys, state]) => canonicalLead([keys], state)).sort());
  expect(await verify(projecting.pool, projecting.context)).toMatchObject({ differences: [], identityDifferences: 0 });
  expect(await rebuild(projecting.pool, projecting.context)).toMatchObject({ corrected: 0, relinked: 0 });
}

test('a kiosk of 300 people is nobody’s, however their events arrive; it is told, listed and counted', async () => {
  const events = visitors(0, 300);
  const others = [1, 2].map(() => new Projecting(db));
  const projectors = [projecting, ...others];
  const dealt = projectors.map((_, which) => events.filter((_event, index) => (index * 7) % 3 === which).reverse());
  for (let from = 0; from < 200; from += 40)
    await Promise.all(projectors.map((one, which) => one.apply(dealt[which]!.slice(from, from + 40), which)));
  for (const other of others) await other.end();

  expect(await leadOf('a:kiosk')).toMatchObject({ mixed: false, keys: ['a:kiosk'] });
  expect(await viewsOf('a:kiosk')).toBe(300);
  expect(await viewsOf(emailKey('p0@x.jp'))).toBe(0);
  await consistent(events);

  const { links, browsers } = (await readIdentity(db.pool, { key: emailKey('p7@x.jp') }))!;
  expect(links).toMatchObject([{ a: 'a:kiosk', b: 'e:p7@x.jp', state: 'skipped', because: 'browser-limit' }]);
  expect(browsers).toEqual([{ anonymousId: 'kiosk', intervals: [{ from: null, until: null, key: null, lead: null }] }]);
  const skipped = await listSkippedLinks(db.pool, 1_000, undefined);
  expect(skipped.map(({ a, b, reason }) => `${a} ${b} ${reason}`)).toEqual(
    Array.from({ length: 300 }, (_, index) => `a:kiosk e:p${299 - index}@x.jp browser-limit`),
  );
  const metrics = createMetrics('projector');
  new ProjectorMetrics([metrics], () => countSkippedLinks(db.pool));
  expect(await metrics.metrics()).toMatch(/^leadfold_links_skipped\{.*reason="browser-limit".*\} 300$/m);
}, 120_000);

test('withdrawn down to the limit it is theirs again, each with his own; one more and it is nobody’s', async () => {
  const events = visitors(0, 55);
  const tell = async (more: LeadEvent[]): Promise<void> => {
    events.push(...more);
    await projecting.apply(more);
  };
  await projecting.apply(events);
  await tell([0, 1, 2, 3].map((index) => judged('withdrawn', index)));
  expect([await viewsOf('a:kiosk'), await viewsOf('e:p9@x.jp')]).toEqual([55, 0]);
  // the same person once more is nobody new, and 50 are as ordinary as two
  await tell([judged('withdrawn', 4), { ...signIn(9), id: event('again').id, occurredAt: now - minute }]);
  expect(await leadOf('a:kiosk')).toMatchObject({ mixed: true });
  expect([await viewsOf('e:p9@x.jp'), await viewsOf('e:p54@x.jp')]).toEqual([1, 1]);
  // what was done before the first who is left is his
  expect(await viewsOf('e:p5@x.jp')).toBe(6);
  await consistent(events);
  await tell([{ ...judged('restored', 4), occurredAt: now + 1 }]);
  expect(await leadOf('a:kiosk')).toMatchObject({ mixed: false });
  expect([await viewsOf('a:kiosk'), await viewsOf('e:p9@x.jp')]).toEqual([55, 0]);
  await consistent(events);
}, 120_000);

test('two batches that each bring one more person at the same moment: together they are too many', async () => {
  await projecting.end();
  projecting = new Projecting(db, 'Asia/Tokyo', { browserLimit: 2 });
  const events = visitors(0, 1);
  await projecting.apply(events);
  const holder = await db.pool.connect();
  await holder.query(`begin; select 1 from subject_key where key = 'a:kiosk' for update`);
  const applying = [1, 2].map((index) => projecting.apply(visitors(index, index + 1), index));
  const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  while ((await db.pool.query(waiting)).rowCount! < 2) await new Promise((resolve) => setImmediate(resolve));
  await holder.query('commit');
  holder.release();
  await Promise.all(applying);
  expect(await viewsOf('a:kiosk')).toBe(3);
  await consistent([...events, ...visitors(1, 3)], 2);
});

/** Leads that were locked or written, and rows of who is who that were read, by index or not. */
async function workOf(one: Projecting, events: LeadEvent[], partition = 0): Promise<{ leads: number; rows: number }> {
  const read = async (): Promise<number> => {
    for (let flushed = 0; flushed < 3; flushed += 1)
      await one.pool.query('select pg_stat_force_next_flush(), pg_stat_clear_snapshot()');
    const { rows } = await db.pool.query<{ read: number }>(
      `select (select sum(idx_tup_read) from pg_stat_user_indexes where relname in ('identification', 'skipped_identification', 'lead', 'subject_key'))::int
        + (select sum(seq_tup_read) from pg_stat_user_tables where relname in ('identification', 'skipped_identification', 'lead', 'subject_key'))::int as read`,
    );
    return rows[0]!.read;
  };
  const { rows: since } = await db.pool.query<{ id: string }>('select pg_current_xact_id()::text as id');
  const before = await read();
  await one.apply(events, partition);
  const rows = (await read()) - before;
  const touched = await db.pool.query(
    'select 1 from lead where xmin::text::bigint > $1::bigint or xmax::text::bigint > $1::bigint',
    [since[0]!.id],
  );
  return { leads: touched.rowCount!, rows };
}

test('what a batch reads and locks does not grow with the people of a kiosk once it is nobody’s', async () => {
  await projecting.apply(visitors(0, 100));
  const few = await workOf(projecting, visitors(100, 101));
  const fewLeave = await workOf(projecting, [judged('withdrawn', 0)]);
  await projecting.apply(visitors(101, 600));
  await projecting.apply(visitors(601, 1_200));
  const many = await workOf(projecting, visitors(1_200, 1_201));
  const manyLeave = await workOf(projecting, [judged('withdrawn', 1)]);
  expect([few.leads, many.leads]).toEqual([2, 2]);
  expect([fewLeave.leads, manyLeave.leads]).toEqual([2, 2]);
  expect(many.rows).toBeLessThan(60);
  expect(manyLeave.rows).toBeLessThan(400);
  expect(Math.abs(many.rows - few.rows)).toBeLessThan(10);
  // the control: with a limit that nobody reaches each of them is read and locked
  const unlimited = new Projecting(db, 'Asia/Tokyo', { browserLimit: 10_000 });
  await unlimited.apply(visitors(0, 300, 'other'), 1);
  const ordinary = await workOf(unlimited, visitors(300, 301, 'other'), 1);
  await unlimited.end();
  expect(ordinary.leads).toBeGreaterThan(300);
  expect(ordinary.rows).toBeGreaterThan(1_000);
}, 120_000);
