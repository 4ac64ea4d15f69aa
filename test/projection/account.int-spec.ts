import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeZone, type LeadEvent } from '#libs/leads/domain';
import { databaseNow, driveClock, eventIdOf } from '#libs/platform';
import { listAccounts, readAccount, rebuild, reviewAccounts, reviewOlderRulebook, verify } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { histories, testSignals } from '../oracle/histories.js';
import { accountRule, naiveAccounts, type Company } from '../oracle/naive-account.js';
import { naiveFold } from '../oracle/naive-fold.js';
import { emptyTables, Projecting } from './projecting.js';
import { publishTestRulebook, testRulebook } from './test-rulebook.js';

/** Real: PostgreSQL. */
const now = Date.UTC(2026, 5, 20, 3);
const dayMs = 86_400_000;
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2_147_483_647);
const numRuns = Number(process.env['FC_RUNS'] ?? 20);

let db: TestDatabase;
let projecting: Projecting;
beforeAll(async () => {
  db = await createTestDatabase();
});
beforeEach(async () => {
  await projecting?.end();
  await emptyTables(db.pool);
  await driveClock(db.pool, new Date(now));
  await publishTestRulebook(db.pool, { account: accountRule });
  projecting = new Projecting(db);
});
afterAll(async () => {
  await projecting?.end();
  await db?.drop();
});

const event = (name: string, fields: Partial<LeadEvent> = {}): LeadEvent => ({
  id: eventIdOf('test', name),
  type: 'page',
  source: 'test',
  occurredAt: now - 60_000,
  receivedAt: now - 60_000,
  properties: { path: '/products/a' },
  ...fields,
});
const form = (name: string, email: string, properties: LeadEvent['properties'] = {}, fields: Partial<LeadEvent> = {}) =>
  event(name, { type: 'track', name: 'Form', links: true, email, properties, ...fields });
const account = (name: string, email: string, value: string | null, fields: Partial<LeadEvent> = {}) =>
  event(name, {
    type: 'account',
    name: value === null ? 'withdrawn' : 'assigned',
    source: 'api',
    email,
    properties: value === null ? {} : { account: value },
    ...fields,
  });

async function reviewAll(): Promise<void> {
  while ((await reviewAccounts(projecting.pool, projecting.context)) > 0);
}

async function stored(): Promise<[string, Company][]> {
  const { rows } = await db.pool.query<Company & { key: string }>(
    `select key, name, members, engaged, hot_members as "hotMembers", hottest, engagement, roles, reached, temperature, hot_rules as "hotRules"
      from account order by key collate "C"`,
  );
  return rows.map(({ key, ...company }) => [key, company]);
}
const membersOf = async () => Object.fromEntries((await stored()).map(([key, { members }]) => [key, members]));
const profileOf = async (email: string, name: string) =>
  (
    await db.pool.query<{ value: unknown }>(
      `select l.state->'profile'->$2->'value' as value from subject_key k join lead o on o.id = k.lead
        join lead l on l.id = coalesce(o.merged_into, o.id) where k.key = 'e:' || $1`,
      [email, name],
    )
  ).rows[0]?.value;

test('I8, I10: companies are what the raw events say, for any order of arrival, and after a rebuild', async () => {
  const hashOf = (name: string) => testSignals.find((signal) => signal.name === name)!.hash;
  const zone = makeZone('Asia/Tokyo');
  let companies = 0;
  await fc.assert(
    fc.asyncProperty(histories(20, 6), async ({ events, arrivals, keyLimit, browserLimit }) => {
      await projecting.end();
      await emptyTables(db.pool);
      const latest = Math.max(...events.map((one) => one.occurredAt));
      await driveClock(db.pool, new Date(latest + 1000));
      projecting = new Projecting(db, 'Asia/Tokyo', { keyLimit, browserLimit });
      for (const [at, batch] of arrivals.entries()) {
        await projecting.apply(batch, at % 3);
        if (at % 2 === 0) await reviewAccounts(projecting.pool, projecting.context);
      }
      await reviewAll();
      const states = [...naiveFold(events, testSignals, zone, { keyLimit, browserLimit }).values()];
      const document = testRulebook({ account: accountRule });
      const expected = [...naiveAccounts(states, document, hashOf, zone.localDay(latest + 1000))].sort(([a], [b]) =>
        a < b ? -1 : 1,
      );
      expect(await stored()).toEqual(expected);
      companies += expected.length;
      await db.pool.query('delete from account');
      await db.pool.query('update lead_rank set account = null');
      await db.pool.query(
        `update lead set state = '{"profile":{},"consent":{},"counters":{}}', rank_hash = null where merged_into is null`,
      );
      await rebuild(projecting.pool, projecting.context);
      await reviewAll();
      expect(await stored()).toEqual(expected);
    }),
    { seed, numRuns },
  );
  process.stdout.write(`seed ${seed}, ${numRuns} histories, ${companies} companies\n`);
  expect(companies).toBeGreaterThan(numRuns / 4);
}, 120_000);

test('an assignment moves a lead, its withdrawal and its retraction move it back; no mark is left', async () => {
  await projecting.apply([form('f1', 'a@mirai.co.jp'), form('f2', 'b@sub.mirai.co.jp'), form('f3', 'c@gmail.com')]);
  await reviewAll();
  expect(await membersOf()).toEqual({ 'd:mirai.co.jp': 2 });
  const later = { occurredAt: now - 1000 };
  await projecting.apply([
    account('as1', 'c@gmail.com', 'd:www.mirai.co.jp', later),
    account('as2', 'b@sub.mirai.co.jp', 'n:（株）ミライ子会社', later),
  ]);
  await reviewAll();
  expect(await membersOf()).toEqual({ 'd:mirai.co.jp': 2, 'n:ミライ子会社': 1 });
  await projecting.apply([
    account('as3', 'b@sub.mirai.co.jp', null, { occurredAt: now - 500 }),
    event('r1', { type: 'retraction', name: 'withdrawn', refersTo: eventIdOf('test', 'as1') }),
  ]);
  await reviewAll();
  expect(await membersOf()).toEqual({ 'd:mirai.co.jp': 2 });
  expect((await db.pool.query('select 1 from account_change')).rowCount).toBe(0);
});

test('an older assignment that arrives late changes nothing', async () => {
  await projecting.apply([
    form('f1', 'a@mirai.co.jp'),
    account('new', 'a@mirai.co.jp', 'd:b.co.jp', { occurredAt: now - 10 }),
  ]);
  await projecting.apply([account('old', 'a@mirai.co.jp', 'd:c.co.jp', { occurredAt: now - 20 })]);
  await reviewAll();
  expect(await membersOf()).toEqual({ 'd:b.co.jp': 1 });
});

test('a merge across companies leaves one member, an un-merge both', async () => {
  const merge = event('m', { type: 'merge', email: 'a@mirai.co.jp', otherKey: 'e:b@other.co.jp', properties: {} });
  await projecting.apply([form('f1', 'a@mirai.co.jp'), form('f2', 'b@other.co.jp', {}, { occurredAt: now - 1000 })]);
  await reviewAll();
  expect(await membersOf()).toEqual({ 'd:mirai.co.jp': 1, 'd:other.co.jp': 1 });
  await projecting.apply([merge]);
  await reviewAll();
  expect(await membersOf()).toEqual({ 'd:other.co.jp': 1 });
  await projecting.apply([event('u', { type: 'unmerge', refersTo: merge.id, properties: {} })]);
  await reviewAll();
  expect(await membersOf()).toEqual({ 'd:mirai.co.jp': 1, 'd:other.co.jp': 1 });
});

test('a company cools by time alone on the day that was told, also while others have events', async () => {
  const visit = (name: string, email: string) => event(name, { email, properties: { path: '/x' } });
  await projecting.apply([
    form('f1', 'a@mirai.co.jp'),
    form('f2', 'b@mirai.co.jp'),
    visit('v1', 'a@mirai.co.jp'),
    visit('v2', 'b@mirai.co.jp'),
  ]);
  await reviewAll();
  expect(await stored()).toMatchObject([['d:mirai.co.jp', { temperature: 'hot', hotRules: ['asking', 'together'] }]]);
  const { rows } = await db.pool.query<{ at: Date }>('select next_change_at as at from account');
  expect(rows[0]!.at.getTime()).toBeGreaterThan(now);
  await driveClock(db.pool, new Date(now + 32 * dayMs));
  await projecting.apply([form('f3', 'c@other.co.jp')]);
  await reviewAccounts(projecting.pool, projecting.context);
  const cold = { temperature: 'cold', engagement: 0, hotRules: [] };
  expect(Object.fromEntries(await stored())).toMatchObject({ 'd:mirai.co.jp': cold, 'd:other.co.jp': { members: 1 } });
});

test('a rulebook’s own domains apply to all recorded history once it is published, and back', async () => {
  await projecting.apply([form('f1', 'a@nifty.com'), form('f2', 'b@coworking.co.jp')]);
  await reviewAll();
  expect(await membersOf()).toEqual({ 'd:coworking.co.jp': 1 });
  const domains = { personal: ['coworking.co.jp'], company: ['nifty.com'] };
  await publishTestRulebook(db.pool, { account: { ...accountRule, domains } });
  await reviewOlderRulebook(projecting.pool, projecting.context);
  await reviewAll();
  expect(await membersOf()).toEqual({ 'd:nifty.com': 1 });
  await publishTestRulebook(db.pool, { account: accountRule });
  await reviewOlderRulebook(projecting.pool, projecting.context);
  await reviewAll();
  expect(await membersOf()).toEqual({ 'd:coworking.co.jp': 1 });
});

test('a captured number is taken back with its event, by a publish that no longer captures it, and comes again', async () => {
  const seats = () => profileOf('a@mirai.co.jp', 'plannedSeats');
  await projecting.apply([
    form('f1', 'a@mirai.co.jp', { message: '１５名での導入' }, { occurredAt: now - 3000 }),
    event('t1', {
      type: 'track',
      name: 'Chat',
      email: 'a@mirai.co.jp',
      properties: { message: 'for 45 seats' },
      occurredAt: now - 2000,
    }),
    form('f2', 'a@mirai.co.jp', { message: '三十名での導入' }, { occurredAt: now - 1000 }),
  ]);
  expect(await seats()).toBe(30);
  const withdraw = (of: string, name = 'withdrawn') =>
    event(`r ${of} ${name}`, { type: 'retraction', name, refersTo: eventIdOf('test', of), properties: {} });
  await projecting.apply([withdraw('f2')]);
  expect(await seats()).toBe(45);
  await projecting.apply([withdraw('t1')]);
  expect(await seats()).toBe(15);
  await projecting.apply([{ ...withdraw('f2', 'restored'), occurredAt: now }]);
  expect(await seats()).toBe(30);
  const { signals } = testRulebook();
  const without = Object.fromEntries(Object.entries(signals).map(([name, { capture: _, ...rest }]) => [name, rest]));
  await publishTestRulebook(db.pool, { signals: without });
  await reviewOlderRulebook(projecting.pool, projecting.context);
  expect(await seats()).toBeNull();
  await publishTestRulebook(db.pool, { account: accountRule });
  await reviewOlderRulebook(projecting.pool, projecting.context);
  expect(await seats()).toBe(30);
});

test('lists: hot first, then by engagement, page by page; spellings of one name are suggested', async () => {
  await projecting.apply([
    form('f1', 'a@mirai.co.jp', { company: '株式会社ミライ' }),
    form('f2', 'b@mirai.co.jp', { company: '株式会社ミライ' }),
    event('v1', { email: 'a@mirai.co.jp' }),
    event('v2', { email: 'b@mirai.co.jp' }),
    form('f3', 'c@mirai-group.com', { company: 'ミライ（株）' }),
    form('f4', 'd@gmail.com', { company: 'ﾐﾗｲ' }),
    form(
      'f5',
      'e@other.co.jp',
      { company: '別会社' },
      { occurredAt: now - 100 * dayMs, receivedAt: now - 100 * dayMs },
    ),
  ]);
  await reviewAll();
  const first = await listAccounts(db.pool, projecting.context, { limit: 2 });
  expect(first.accounts.map(({ key, temperature }) => [key, temperature])).toEqual([
    ['d:mirai.co.jp', 'hot'],
    ['d:mirai-group.com', 'warm'],
  ]);
  const second = await listAccounts(db.pool, projecting.context, { limit: 2, after: first.next! });
  expect(second).toMatchObject({ accounts: [{ key: 'd:other.co.jp', temperature: 'cold' }] });
  expect((await listAccounts(db.pool, projecting.context, { limit: 9, together: true })).accounts).toHaveLength(1);
  const read = await readAccount(db.pool, projecting.context, 'd:mirai.co.jp', 'ja');
  expect(read?.suggestions).toMatchObject({
    leads: [{ email: 'd@gmail.com' }],
    accounts: [{ key: 'd:mirai-group.com', members: 1 }],
  });
  await driveClock(db.pool, new Date((await databaseNow(db.pool)).getTime() + 32 * dayMs));
  const later = await listAccounts(db.pool, projecting.context, { limit: 9 });
  expect(later.accounts.map(({ temperature, engagement }) => [temperature, engagement])[0]).toEqual(['cold', 200]);
});

test('verify looks at companies anew: none differs while marks wait, and a row that is spoilt, missing or left over is named', async () => {
  const check = async (sample?: number) => {
    const options = sample === undefined ? {} : { sample };
    const { accounts, accountDifferences, accountsPending } = await verify(
      projecting.pool,
      projecting.context,
      options,
    );
    return { accounts, accountDifferences, accountsPending };
  };
  await projecting.apply([form('1', 'a@mirai.co.jp'), form('2', 'b@mirai.co.jp'), form('3', 'c@hoshi.co.jp')]);
  expect(await check()).toEqual({
    accounts: 2,
    accountDifferences: [],
    accountsPending: expect.arrayContaining(['d:hoshi.co.jp', 'd:mirai.co.jp']),
  });
  await reviewAll();
  expect(await check()).toEqual({ accounts: 2, accountDifferences: [], accountsPending: [] });
  // of yesterday, and said so: compared as of then
  await driveClock(db.pool, new Date(now + dayMs));
  expect(await check()).toMatchObject({ accountDifferences: [] });

  await db.pool.query("update account set engagement = engagement + 10, roles = '{boss}' where key = 'd:mirai.co.jp'");
  await db.pool.query("delete from account where key = 'd:hoshi.co.jp'");
  await db.pool.query("insert into account (key, members, looked_at) values ('d:gone.co.jp', 3, now())");
  const { accountDifferences } = await check();
  expect(accountDifferences.map(({ account, cells }) => [account, cells.map(({ cell }) => cell)])).toEqual([
    ['d:gone.co.jp', ['members']],
    ['d:hoshi.co.jp', ['members']],
    ['d:mirai.co.jp', ['engagement', 'roles']],
  ]);
  // a sample looks at the companies of its leads
  expect((await check(3)).accountDifferences.map(({ account }) => account)).toEqual(['d:hoshi.co.jp', 'd:mirai.co.jp']);
});
