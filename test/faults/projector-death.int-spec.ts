import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { createEventLog, eventLogConfig, topics, type EventLog } from '#libs/event-log';
import { encodeEvent, recordKeyOf, type JsonObject, type LeadEvent } from '#libs/leads/domain';
import { createLogger, eventIdOf, parseConfig } from '#libs/platform';
import { defaultSettings } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { Findings } from '../../tools/faults/findings.js';
import { verifyLeads } from '../../tools/faults/verify/leads.js';
import { live, liveUntil } from './lives.js';

const people = 20;
let db: TestDatabase;
let eventLog: EventLog;

beforeEach(async () => {
  db = await createTestDatabase();
  const config = parseConfig(z.object({ DATABASE_URL: z.string(), ...eventLogConfig.shape }), {
    DATABASE_URL: db.url,
    EVENT_LOG: 'postgres',
  });
  eventLog = createEventLog(config, createLogger('test', 'silent'));
  await eventLog.prepare();
  await db.pool.query("insert into listener values ('crossing', 'hot', 'test')");
});
afterEach(async () => {
  await eventLog.close();
  await db.drop();
});

const env = (failpoint: string) => ({
  DATABASE_URL: db.url,
  EVENT_LOG: 'postgres',
  PROJECTOR_PROBE_PORT: '0',
  // small, so that there are many moments to die in
  PROJECTOR_BATCH: '15',
  FAILPOINT: failpoint,
});

const base = Date.now() - 3_600_000;
const made = (id: string, minute: number, rest: Partial<LeadEvent> & Pick<LeadEvent, 'type'>): LeadEvent => ({
  id: eventIdOf('site', id),
  source: 'site',
  occurredAt: base + minute * 60_000,
  receivedAt: base + minute * 60_000,
  properties: {},
  ...rest,
});

/** Each of them browses unknown, asks for material on a second browser, and meets the last hot condition in the end. */
function journey(nth: number): LeadEvent[] {
  const browser = { anonymousId: `browser-${nth}` };
  const email = `lead${nth}@example.com`;
  const answers: JsonObject = {
    email,
    employees: 300,
    position: '部長',
    introductionBy: '3ヶ月以内',
    company: `Company ${nth}`,
  };
  return [
    made(`${nth}-a`, 1, { type: 'page', ...browser, properties: { path: '/products/a' } }),
    made(`${nth}-b`, 2, { type: 'page', ...browser, properties: { path: '/products/b' } }),
    made(`${nth}-c`, 3, {
      type: 'track',
      name: 'Material Requested',
      links: true,
      anonymousId: `phone-${nth}`,
      email,
      properties: { email },
    }),
    made(`${nth}-d`, 4, {
      type: 'track',
      name: 'Contact Requested',
      links: true,
      ...browser,
      email,
      properties: answers,
    }),
    made(`${nth}-e`, 5, { type: 'identify', ...browser, userId: `main:${nth}`, email, links: true, traits: { email } }),
    made(`${nth}-f`, 6, { type: 'page', userId: `main:${nth}`, properties: { path: '/pricing' } }),
  ];
}

const history = Array.from({ length: people }, (_, nth) => journey(nth)).flat();

async function fillLog(): Promise<number> {
  // by their n-th step, so that the journeys lie across each other; every third record once more
  const order = [0, 1, 2, 3, 4, 5].flatMap((step) => history.filter((_, index) => index % 6 === step));
  const records = [...order, ...order.filter((_, index) => index % 3 === 0)].map((event) => ({
    topic: topics.events,
    ...encodeEvent(event, recordKeyOf(event)),
  }));
  const { acked } = await eventLog.append(records);
  expect(acked.every(Boolean)).toBe(true);
  return records.length;
}

const consumed = async (): Promise<number> =>
  (await db.pool.query<{ n: number }>('select coalesce(sum(consumed), 0)::int as n from partition_offset')).rows[0]!.n;

async function expectWhole(records: number): Promise<void> {
  const { rows } = await db.pool.query<{ id: string }>("select id from event where kind <> 'decision'");
  expect(rows.map(({ id }) => id).sort()).toEqual(history.map(({ id }) => id).sort());
  const offsets = await db.pool.query<Record<string, number>>(
    'select sum(next)::int as next, sum(consumed)::int as consumed, sum(stored)::int as stored, sum(duplicates)::int as duplicates, sum(quarantined)::int as quarantined from partition_offset',
  );
  expect(offsets.rows[0]).toEqual({
    next: records,
    consumed: records,
    stored: history.length,
    duplicates: records - history.length,
    quarantined: 0,
  });
  const findings = new Findings(() => undefined);
  expect(await verifyLeads(db.pool, defaultSettings, findings)).toBe(people);
  expect(findings.broken).toEqual([]);
  const crossings = await db.pool.query(
    "select id from event where kind = 'decision' and body->>'decision' = 'hot' order by id",
  );
  expect(crossings.rows).toHaveLength(people);
  expect((await db.pool.query("select event as id from outbox where kind = 'crossing' order by event")).rows).toEqual(
    crossings.rows,
  );
}

for (const [failpoint, reason] of [
  ['projector.after_store', 'with events stored and nothing folded'],
  ['projector.before_commit', 'with everything done and nothing committed'],
  ['projector.after_commit', 'after the commit, before the log is told'],
] as const)
  test(`I1, I9, I11: killed again and again ${reason}, each event counts once and each crossing is decided once`, async () => {
    const records = await fillLog();
    // dies at the fifth batch of each life; a life that could commit nothing would never come to the end
    const deaths = await liveUntil(
      () => live('projector', env(`${failpoint}:5`)),
      async () => (await consumed()) === records,
    );
    expect(deaths).toBeGreaterThanOrEqual(2);
    await expectWhole(records);
  }, 150_000);

test('I12: two projectors over the same partitions, killed in turn, never apply a record twice', async () => {
  const records = await fillLog();
  const done = async () => (await consumed()) === records;
  const deaths = await Promise.all([
    liveUntil(() => live('projector', env('projector.before_commit:4')), done),
    liveUntil(() => live('projector', env('projector.after_commit:6')), done),
  ]);
  expect(deaths[0] + deaths[1]).toBeGreaterThanOrEqual(2);
  await expectWhole(records);
}, 150_000);
