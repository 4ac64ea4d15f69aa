import fs from 'node:fs';
import http from 'node:http';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createDeliveries } from '#libs/delivery';
import { topics, type EventLog } from '#libs/event-log';
import { recordOf } from '#libs/leads';
import { makeZone, type LeadEvent } from '#libs/leads/domain';
import { createLogger, driveClock, eventIdOf, TokenSeal } from '#libs/platform';
import {
  BatchProjection,
  createProjectionPool,
  defaultSettings,
  parseRulebook,
  partitionHandlers,
  ProjectionContext,
  publish,
  readLookNow,
  saveVersion,
} from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { until } from '#test/until';
import { judgeDeliveries } from '../../libs/nurture/src/judge-hits.job.js';
import { startCollector, testLog, trackingSecret, type CollectorUnderTest } from '../contract/collector-fixture.js';

interface Burst {
  what: string;
  requests: {
    seconds: number;
    method: string;
    link: 'pixel' | number;
    headers: Record<string, string>;
    verdict: string;
  }[];
}

const folder = new URL('./scanner-bursts/', import.meta.url);
const bursts = fs
  .readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name): [string, Burst] => [
    name.replace('.json', ''),
    JSON.parse(fs.readFileSync(new URL(name, folder), 'utf8')) as Burst,
  ]);
const links = ['https://www.example.jp/case', 'https://www.example.jp/pricing', 'https://www.example.jp/demo'];
const person = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15';
const start = Date.parse('2026-06-01T01:00:00Z');
const day = 86_400_000;

/**
 * Real: the collector and its HTTP, the log, the projector's consumer, PostgreSQL, the worker's job of verdicts. Only the
 * time is driven, in the collector's process and in the database. One counted click or open is enough to be hot.
 */
let db: TestDatabase;
let log: EventLog;
let collector: CollectorUnderTest;
let context: ProjectionContext;
let stopProjecting: () => Promise<void>;
beforeAll(async () => {
  // of all that tells time only the date stands still
  jest.useFakeTimers({
    now: start,
    doNotFake: [
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'setTimeout',
      'clearTimeout',
    ],
  });
  db = await createTestDatabase();
  await at(start);
  const shipped = fs.readFileSync(new URL('../../rulebooks/default.yaml', import.meta.url), 'utf8');
  const eager = shipped
    .replace(/(signal: (?:opened|clicked)-email, +points: )\d+,(.*?)cap: \d+,/g, '$1100,$2cap: 100,')
    .replace(/(mail: +\{ cap: )\d+/, '$1100');
  expect(eager).not.toBe(shipped);
  const document = { ...parseRulebook(eager).document!, hot: { clicked: { engagement: { gte: 50 } } } };
  await publish(db.pool, await saveVersion(db.pool, document, 'test'), 'test');
  await db.pool.query("insert into listener values ('crossing', 'hot', 'handoff')");
  await db.pool.query(
    `insert into template_version (name, version, locale, subject, mjml, html, created_by) values ('t', 1, 'ja', 's', '', $1, 'x')`,
    [links.map((href) => `<a href="${href}">x</a>`).join('')],
  );
  log = testLog({ EVENT_LOG: 'postgres' }, db.url);
  await log.prepare();
  collector = await startCollector({ eventLog: log });
  context = new ProjectionContext(makeZone('Asia/Tokyo'), defaultSettings);
  const pool = createProjectionPool(
    { url: db.url, applicationName: 'leadfold-test-projector', max: 3 },
    () => undefined,
  );
  const logger = createLogger('test', 'silent');
  const consumer = await log.consume(
    { group: 'leadfold-projector', topics: [topics.urgent, topics.events], concurrency: 2, maxRecords: 2_000 },
    partitionHandlers(pool, new BatchProjection(pool, context, logger), logger, () => undefined),
  );
  stopProjecting = async () => {
    await consumer.stop();
    await pool.end();
  };
});
afterAll(async () => {
  jest.useRealTimers();
  await stopProjecting?.();
  await collector?.stop();
  await db?.drop();
});

async function at(ms: number): Promise<void> {
  jest.setSystemTime(ms);
  await driveClock(db.pool, new Date(ms));
}

const seal = new TokenSeal(trackingSecret, 'tracking');
const pathOf = (delivery: string, email: string, link: 'pixel' | number): string =>
  link === 'pixel'
    ? `/o/${seal.seal({ d: delivery, k: `e:${email}` })}.gif`
    : `/c/${seal.seal({ d: delivery, k: `e:${email}`, u: links[link]! })}`;

/** Without a header that nobody asked for: fetch would add its own name. */
const ask = (method: string, path: string, headers: Record<string, string>): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = http.request(`${collector.url}${path}`, { method, headers, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode!));
    });
    request.on('error', reject).end();
  });

async function mailTo(email: string, sentAt: number): Promise<string> {
  const visit: LeadEvent = {
    ...{
      id: eventIdOf('test', email),
      type: 'page',
      source: 'test',
      email,
      occurredAt: sentAt - day,
      receivedAt: sentAt - day,
    },
    properties: { path: '/products/flow' },
  };
  await log.append([recordOf(visit)]);
  await until('the visit is folded', () => looked(email));
  const [delivery] = await createDeliveries(db.pool, [
    {
      ...{
        key: `run:${email}`,
        purpose: 'nurture',
        channel: 'email',
        lead: 1,
        subjectKey: `e:${email}`,
        recipient: email,
      },
      payload: { template: 't', version: 1, locale: 'ja' },
    },
  ]);
  await db.pool.query("update delivery set state = 'sent', handed_off_at = $2 where id = $1", [
    delivery!.id,
    new Date(sentAt),
  ]);
  return delivery!.id;
}

const looked = async (email: string) => (await readLookNow(db.pool, context, { key: `e:${email}` }))?.look;
const hitsOf = async (delivery: string) =>
  (
    await db.pool.query<{ verdict: string | null; rule: number | null }>(
      `select v.body->>'name' as verdict, (v.body #>> '{properties,rule}')::int as rule from event h
        left join lateral (select body from event v where v.refers_to = h.id order by v.occurred_at desc, v.id desc limit 1) v on true
        where h.body #>> '{properties,deliveryId}' = $1 order by h.occurred_at, h.id`,
      [delivery],
    )
  ).rows;
const crossings = async () => (await db.pool.query(`select 1 from outbox where kind = 'crossing'`)).rowCount;

/** Two rounds of the worker's job: the second has nothing to say. */
async function judged(delivery: string): Promise<void> {
  await judgeDeliveries(db.pool, log);
  await until('every hit is judged', async () => (await hitsOf(delivery)).every(({ verdict }) => verdict !== null));
  const before = (await db.pool.query(`select 1 from event where type = 'verdict'`)).rowCount;
  await judgeDeliveries(db.pool, log);
  const { rows } = await db.pool.query<{ waiting: number }>(
    `select count(*)::int as waiting from log_record where headers->>'ce_type' like '%verdict%' and (headers->>'ce_id')::uuid not in (select id from event)`,
  );
  expect(rows[0]!.waiting).toBe(0);
  expect((await db.pool.query(`select 1 from event where type = 'verdict'`)).rowCount).toBe(before);
}

test.each(bursts)(
  'S12 %s: no score changes and nobody is alerted; then the person clicks, and that counts',
  async (name, burst) => {
    const sentAt = start + bursts.findIndex(([other]) => other === name) * day;
    const email = `${name}@example.jp`;
    await at(sentAt);
    const delivery = await mailTo(email, sentAt);
    const before = (await looked(email))!;
    const alerts = await crossings();

    for (const { seconds, method, link, headers } of burst.requests) {
      await at(sentAt + seconds * 1000);
      expect(await ask(method, pathOf(delivery, email, link), headers)).toBe(link === 'pixel' ? 200 : 302);
    }
    await until('every hit is folded', async () => (await hitsOf(delivery)).length === burst.requests.length);
    // not judged yet: counts for nothing
    expect((await looked(email))!.engagement).toBe(before.engagement);

    await at(sentAt + 3 * 3_600_000);
    await judged(delivery);
    expect((await hitsOf(delivery)).map(({ verdict }) => verdict)).toEqual(
      burst.requests.map(({ verdict }) => verdict),
    );
    expect((await hitsOf(delivery)).every(({ rule }) => rule === 2)).toBe(true);
    const after = (await looked(email))!;
    expect([after.score, after.temperature]).toEqual([before.score, before.temperature]);
    expect(await crossings()).toBe(alerts);

    await at(sentAt + 4 * 3_600_000);
    expect(
      await ask('GET', pathOf(delivery, email, 1), {
        'user-agent': person,
        'sec-fetch-user': '?1',
        'sec-fetch-mode': 'navigate',
      }),
    ).toBe(302);
    await until('the click is folded', async () => (await hitsOf(delivery)).length === burst.requests.length + 1);
    await at(sentAt + 4 * 3_600_000 + 60_000);
    await judged(delivery);
    expect((await hitsOf(delivery)).map(({ verdict }) => verdict)).toEqual([
      ...burst.requests.map(({ verdict }) => verdict),
      'human',
    ]);
    expect((await looked(email))!.temperature).toBe('hot');
    expect(await crossings()).toBe(alerts! + 1);
  },
);

test('S12: what an older rule judged is judged anew by the next one, and both verdicts stay in the record', async () => {
  const sentAt = start + 40 * day;
  const email = 'older-rule@example.jp';
  await at(sentAt);
  const delivery = await mailTo(email, sentAt);
  await at(sentAt + 60_000);
  await ask('HEAD', pathOf(delivery, email, 0), { 'user-agent': person });
  await ask('GET', pathOf(delivery, email, 0), { 'user-agent': person });
  await until('both are folded', async () => (await hitsOf(delivery)).length === 2);
  const { rows } = await db.pool.query<{ id: string }>(
    `select id from event where body #>> '{properties,deliveryId}' = $1 and body #>> '{context,method}' = 'GET'`,
    [delivery],
  );
  const old: LeadEvent = {
    ...{
      id: eventIdOf('test', 'old verdict'),
      type: 'verdict',
      source: 'worker',
      name: 'human',
      refersTo: rows[0]!.id,
    },
    ...{ occurredAt: sentAt + 90_000, receivedAt: sentAt + 90_000, properties: { rule: 1 } },
  };
  await log.append([recordOf(old)]);
  await until('the old verdict counts', async () => (await looked(email))!.temperature === 'hot');
  await at(sentAt + day);
  await db.pool.query(
    `insert into setting (key, value, changed_at) values ('nurture.verdicts', $1, now())
      on conflict (key) do update set value = excluded.value`,
    [JSON.stringify({ until: sentAt + day - 3_600_000 })],
  );
  await judgeDeliveries(db.pool, log);
  await until('the new verdict counts', async () => (await looked(email))!.temperature !== 'hot');
  expect((await looked(email))!.engagement).toBeLessThan(500);
  const verdicts = await db.pool.query(
    `select body->>'name' as verdict, (body #>> '{properties,rule}')::int as rule from event where refers_to = $1 order by occurred_at`,
    [rows[0]!.id],
  );
  expect(verdicts.rows).toEqual([
    { verdict: 'human', rule: 1 },
    { verdict: 'machine', rule: 2 },
  ]);
});
