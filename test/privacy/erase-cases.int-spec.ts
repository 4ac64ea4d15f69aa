import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { eventIdOf, driveClock, newId, type Pool } from '#libs/platform';
import type { LeadEvent } from '#libs/leads/domain';
import { addressHash, liftErasure, suppress } from '#libs/nurture';
import { readLead, rebuild, reviewAccounts, verify } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { canonicalLeads, emptyTables, Projecting } from '../projection/projecting.js';
import { publishTestRulebook } from '../projection/test-rulebook.js';
import { dumpOf, erase, ingestSums, linesNaming } from './erasing.js';

const now = Date.UTC(2026, 5, 10, 3);
const minute = 60_000;

/** Real: PostgreSQL. The clock is driven. */
let db: TestDatabase;
let projecting: Projecting;
beforeAll(async () => {
  db = await createTestDatabase();
  await publishTestRulebook(db.pool);
});
beforeEach(async () => {
  await projecting?.end();
  await emptyTables(db.pool);
  await db.pool.query('truncate erased_key, erasure, suppression cascade');
  await driveClock(db.pool, new Date(now));
  projecting = new Projecting(db);
});
afterAll(async () => {
  await projecting.end();
  await db.drop();
});

let serial = 0;
const event = (minutesAgo: number, fields: Partial<LeadEvent>): LeadEvent => ({
  id: eventIdOf('test', `${serial++}`),
  type: 'page',
  source: 'test',
  occurredAt: now - minutesAgo * minute,
  receivedAt: now - minutesAgo * minute,
  properties: { path: '/products/a' },
  ...fields,
});
const identify = (minutesAgo: number, anonymousId: string, email: string) =>
  event(minutesAgo, { type: 'identify', anonymousId, email, links: true });
const sound = async () => {
  expect(await verify(projecting.pool, projecting.context)).toMatchObject({
    differences: [],
    pending: [],
    identityDifferences: 0,
  });
  const sums = await ingestSums(db.pool);
  expect(sums['stored']).toBe(sums['inEvent']! + sums['erasedFacts']!);
};
const eventsOn = async (anon: string) =>
  (
    await db.pool.query<{ at: number }>(
      `select ((extract(epoch from occurred_at) * 1000)::bigint - $2) / -60000 as at from event where anon = $1 order by occurred_at`,
      [anon, now],
    )
  ).rows.map((row) => row.at);

test('of a shared browser only what was theirs goes, also of what the log still holds', async () => {
  const view = (minutesAgo: number) => event(minutesAgo, { anonymousId: 'family' });
  await projecting.apply([identify(90, 'family', 'ann@x.jp'), view(80), view(70)]);
  await projecting.apply([identify(60, 'family', 'bob@x.jp'), view(50), view(40)]);
  await projecting.apply([identify(30, 'family', 'ann@x.jp'), view(20)]);
  const before = await readLead(db.pool, { key: 'e:ann@x.jp' });
  await erase(projecting, { key: 'e:bob@x.jp' });
  expect(await eventsOn('family')).toEqual([90, 80, 70, 30, 20]);
  const after = await readLead(db.pool, { key: 'e:ann@x.jp' });
  expect(after!.state).toEqual(before!.state);
  expect(after!.keys).toContain('a:family');
  await sound();

  await projecting.apply([view(45), view(75), view(10)]);
  expect(await eventsOn('family')).toEqual([90, 80, 75, 70, 30, 20, 10]);
  await sound();
});

test('a browser of too many keys keeps its visits when all of them were one person’s, who is erased', async () => {
  await projecting.end();
  projecting = new Projecting(db, 'Asia/Tokyo', { browserLimit: 1 });
  await projecting.apply([
    identify(90, 'kiosk', 'ann@x.jp'),
    event(80, { type: 'identify', anonymousId: 'kiosk', userId: 'ann' }),
    event(70, { type: 'identify', userId: 'ann', email: 'ann@x.jp' }),
    event(60, { anonymousId: 'kiosk' }),
  ]);
  const visitor = await readLead(db.pool, { key: 'a:kiosk' });
  expect(visitor).toMatchObject({ keys: ['a:kiosk'], mixed: false });
  await erase(projecting, { key: 'e:ann@x.jp' });
  expect(await readLead(db.pool, { key: 'a:kiosk' })).toMatchObject({ keys: ['a:kiosk'], state: visitor!.state });
  await sound();
});

test('a browser that several people use is nobody who could be erased', async () => {
  await projecting.apply([identify(90, 'family', 'ann@x.jp'), identify(60, 'family', 'bob@x.jp')]);
  await expect(erase(projecting, { key: 'a:family' })).rejects.toMatchObject({ code: 'shared-browser' });
  await expect(erase(projecting, { key: 'e:nobody@x.jp' })).rejects.toMatchObject({ code: 'lead-unknown' });
});

test('somebody who comes back is a new lead with nothing but what came after; no mail goes until an operator lifts it', async () => {
  await projecting.apply([identify(90, 'phone', 'cho@x.jp'), event(80, { anonymousId: 'phone' })]);
  const first = await readLead(db.pool, { key: 'e:cho@x.jp' });
  await erase(projecting, { key: 'e:cho@x.jp' });
  // a form that was filled in before and delivered after
  await projecting.apply([event(5, { type: 'track', name: 'Demo', email: 'cho@x.jp', links: true })]);
  expect(await readLead(db.pool, { key: 'e:cho@x.jp' })).toBeUndefined();

  await driveClock(db.pool, new Date(now + 60 * minute));
  const back = event(-10, {
    type: 'track',
    name: 'Signed Up',
    email: 'cho@x.jp',
    links: true,
    properties: { consent: true },
  });
  await projecting.apply([back]);
  const second = await readLead(db.pool, { key: 'e:cho@x.jp' });
  expect(second!.id).toBeGreaterThan(first!.id);
  expect(second!.state.consent['marketing']!.value.state).toBe('granted');
  expect(
    (await db.pool.query("select 1 from event where email = $1 and kind <> 'decision'", ['cho@x.jp'])).rowCount,
  ).toBe(1);
  await sound();
  const suppressed = async () =>
    (await db.pool.query('select address, reason from suppression where hash = $1', [addressHash('cho@x.jp')])).rows;
  expect(await suppressed()).toEqual([{ address: null, reason: 'erasure' }]);
  // an unsubscribe or a bounce of later writes no address back
  await suppress(db.pool, { email: 'cho@x.jp', reason: 'bounce', source: 'worker' });
  expect(await suppressed()).toEqual([{ address: null, reason: 'erasure' }]);

  expect(await liftErasure(db.pool, 'Cho@X.jp', 'operator:test')).toBe(true);
  expect(await liftErasure(db.pool, 'cho@x.jp', 'operator:test')).toBe(false);
  expect(await suppressed()).toEqual([]);

  // and can be erased a second time
  const proof = await erase(projecting, { key: 'e:cho@x.jp' });
  expect(proof.leads).toEqual([second!.id]);
  expect(await readLead(db.pool, { key: 'e:cho@x.jp' })).toBeUndefined();
});

describe('broken off after each of its parts, it is resumed by asking again, or by its proof', () => {
  /** The database goes away after so many transactions. */
  const failing = (transactions: number): Pool =>
    new Proxy(db.pool, {
      get(pool, name, receiver) {
        if (name !== 'connect') return Reflect.get(pool, name, receiver) as unknown;
        return () => {
          if (transactions-- <= 0) throw new Error('the database is away');
          return pool.connect();
        };
      },
    });

  test.each([1, 2, 3])('after %i', async (transactions) => {
    await projecting.apply([
      identify(90, 'tablet', 'dan@x.jp'),
      event(80, { anonymousId: 'tablet' }),
      identify(70, 'tablet-2', 'eva@x.jp'),
    ]);
    const ref = { id: (await readLead(db.pool, { key: 'e:dan@x.jp' }))!.id };
    await expect(erase(projecting, ref, failing(transactions))).rejects.toThrow('the database is away');
    const open = await db.pool.query<{ id: string }>(
      'select id from erasure where done_at is null and pending is not null',
    );
    expect(open.rowCount).toBe(1);
    // from its first part on nothing is taken in and nothing is sent
    await projecting.apply([event(60, { anonymousId: 'tablet' })]);
    expect((await ingestSums(db.pool))['dropped']).toBe(1);
    const proof = await erase(projecting, ref);
    expect(proof).toMatchObject({ id: open.rows[0]!.id, state: 'done', removed: { facts: 2, lead: 2 } });
    expect(linesNaming(await dumpOf(db.pool), ['dan@x.jp', '"tablet"'])).toEqual([]);
    expect(await readLead(db.pool, { key: 'e:eva@x.jp' })).toBeDefined();
    await sound();
  });
});

test('what another person’s events say about the address goes, and that person is folded anew', async () => {
  const invited = event(70, {
    type: 'track',
    name: 'Sent Form',
    email: 'gil@x.jp',
    links: true,
    properties: { invited: 'HAL@x.jp' },
  });
  const namesake = event(60, { email: 'gil@x.jp', properties: { path: '/', note: 'a.hal@x.jp, hal@x.jp.example' } });
  await projecting.apply([event(90, { email: 'hal@x.jp' }), event(80, { email: 'gil@x.jp' }), invited, namesake]);
  const proof = await erase(projecting, { key: 'e:hal@x.jp' });
  expect(proof.removed['facts']).toBe(2);
  expect(linesNaming(await dumpOf(db.pool), ['"hal@x.jp"', 'e:hal@x.jp'])).toEqual([]);
  expect((await db.pool.query("select 1 from event where email = 'gil@x.jp' and kind <> 'decision'")).rowCount).toBe(2);
  await sound();
});

test('S11: an unfinished rebuild forgets them, too, and one that follows is right', async () => {
  await projecting.apply([
    identify(90, 'desk', 'ida@x.jp'),
    event(80, { anonymousId: 'desk' }),
    event(70, { email: 'jon@x.jp' }),
  ]);
  // stopped as soon as its tables hold what it has folded
  let steps = 0;
  const stopped = () => steps++ > 1;
  await expect(rebuild(projecting.pool, projecting.context, { stopped })).rejects.toThrow();
  expect(linesNaming(await dumpOf(db.pool), ['ida@x.jp']).some((line) => line.includes('in rebuild.'))).toBe(true);
  await erase(projecting, { key: 'e:ida@x.jp' });
  expect(linesNaming(await dumpOf(db.pool), ['ida@x.jp', '"desk"'])).toEqual([]);
  await rebuild(projecting.pool, projecting.context);
  expect(linesNaming(await dumpOf(db.pool), ['ida@x.jp', '"desk"'])).toEqual([]);
  await sound();
});

test('a long history goes in slices', async () => {
  for (let batch = 0; batch < 6; batch += 1)
    await projecting.apply(Array.from({ length: 2_000 }, () => event(90, { email: 'long@x.jp' })));
  await projecting.apply([event(80, { email: 'short@x.jp' })]);
  const proof = await erase(projecting, { key: 'e:long@x.jp' });
  expect(proof.removed['facts']).toBe(12_000);
  expect(await canonicalLeads(db.pool)).toHaveLength(1);
  await sound();
}, 60_000);

test('a company is looked at again without its erased lead, and goes with the last one', async () => {
  await projecting.apply([
    event(90, {
      type: 'track',
      name: 'Form',
      email: 'kim@kumo-works.co.jp',
      links: true,
      properties: { company: '株式会社クモ' },
    }),
  ]);
  await reviewAccounts(projecting.pool, projecting.context);
  const accounts = async () =>
    (await db.pool.query<{ key: string }>('select key from account')).rows.map((row) => row.key);
  expect(await accounts()).toEqual(['d:kumo-works.co.jp']);
  await erase(projecting, { key: 'e:kim@kumo-works.co.jp' });
  await reviewAccounts(projecting.pool, projecting.context);
  expect(await accounts()).toEqual([]);
});

test('I22: a suppression that named the address loses it, whatever its reason was', async () => {
  await projecting.apply([event(90, { email: 'fay@x.jp' })]);
  await suppress(db.pool, { email: 'fay@x.jp', reason: 'complaint', source: 'api' });
  await erase(projecting, { key: 'e:fay@x.jp' });
  expect(linesNaming(await dumpOf(db.pool), ['fay@x.jp'])).toEqual([]);
});

test('S10: the audit log refuses every change but the blanking of an erasure under way, which it records', async () => {
  const { pool } = db;
  await pool.query("insert into audit_log (actor, action, target, details) values ('x', 'y', 'z', '{\"a\":1}')");
  await expect(pool.query("update audit_log set details = '{}'")).rejects.toThrow('append-only');
  await expect(pool.query('delete from audit_log')).rejects.toThrow('append-only');
  await expect(pool.query('truncate audit_log')).rejects.toThrow('append-only');
  const done = newId();
  await pool.query(
    `insert into erasure (id, requested_at, done_at, requested_by, reason, leads, log_until) values ($1, now(), now(), 'person', 'asked', '{}', now())`,
    [done],
  );
  const blank = (id: string) =>
    pool.query(
      `with erasing as (select set_config('leadfold.erasure', '${id}', true))
       update audit_log set details = jsonb_build_object('erasure', '${id}') from erasing where target = 'z'`,
    );
  for (const id of [done, newId()]) await expect(blank(id)).rejects.toThrow('append-only');
  await expect(pool.query('delete from erasure')).rejects.toThrow('append-only');
});

test('a notice about a company that named the erased goes with them, and is given again in the name of another', async () => {
  await db.pool.query(
    `insert into listener (kind, name, wanted_by) values ('condition', '{"account":{"members":{"gte":2}}}', 'test')`,
  );
  const named = async () => {
    while ((await reviewAccounts(projecting.pool, projecting.context)) > 0);
    const { rows } = await db.pool.query<{ key: string; account: string }>(
      "select subject_key as key, payload ->> 'account' as account from outbox where kind = 'condition' order by id",
    );
    return rows;
  };
  const account = 'd:kumo-works.co.jp';
  await projecting.apply(['ann', 'bob', 'cho'].map((name) => identify(30, name, `${name}@kumo-works.co.jp`)));
  const [first, ...more] = await named();
  expect([first!.account, more]).toEqual([account, []]);
  expect(await named()).toHaveLength(1);
  await erase(projecting, { key: first!.key });
  const others = await named();
  expect(others).toEqual([{ key: expect.not.stringMatching(first!.key), account }]);
  expect(await named()).toEqual(others);
  await db.pool.query("delete from listener where wanted_by = 'test'");
});
