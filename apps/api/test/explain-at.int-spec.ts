import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { LeadEvent } from '#libs/leads/domain';
import { driveClock, eventIdOf } from '#libs/platform';
import { publish } from '#libs/projection';
import { startApi, type TestApi } from './start-api.js';

const day = 86_400_000;
const monday = Date.UTC(2026, 5, 1, 1);
const address = 'mori@shirakaba.example';
const ref = encodeURIComponent(`e:${address}`);

let api: TestApi;
let serial = 0;
const fact = (at: number, fields: Partial<LeadEvent> & Pick<LeadEvent, 'type'>): LeadEvent => ({
  id: eventIdOf('test', `m-${serial++}`),
  source: 'test',
  occurredAt: at,
  receivedAt: at,
  properties: {},
  ...fields,
});
const look = (at: number) => fact(at, { type: 'page', anonymousId: 'browser-1', properties: { path: '/pricing' } });
const ask = (query: string) => api.call('GET', `/v1/leads/${ref}/score?${query}`, { key: api.keys.sales });
const at = (ms: number) => `at=${new Date(ms).toISOString()}`;

/** Monday: a look at the prices. Wednesday: she says who she is. Friday: the offline look of Tuesday arrives. */
beforeAll(async () => {
  api = await startApi({ projecting: true });
  const { pool } = api.database;
  await driveClock(pool, new Date(monday - 30 * day));
  await pool.query('truncate rulebook_publish restart identity');
  await publish(pool, 1, 'test');
  const arrive = async (now: number, ...events: LeadEvent[]) => {
    await driveClock(pool, new Date(now));
    await api.state(...events);
    const answer = await api.call('GET', `/v1/funnel?after=${events.at(-1)!.id}`, { key: api.keys.sales });
    expect(answer.status).toBe(200);
  };
  await arrive(monday, look(monday));
  await arrive(
    monday + 2 * day,
    fact(monday + 2 * day, {
      type: 'identify',
      anonymousId: 'browser-1',
      email: address,
      links: true,
      traits: { position: '部長' },
    }),
  );
  await arrive(monday + 4 * day, { ...look(monday + day), receivedAt: monday + 4 * day });
  await driveClock(pool, new Date(monday + 6 * day));
});
afterAll(() => api?.stop());

test('what is known today of a past instant counts what arrived later, with its original time and owner', async () => {
  const { status, body } = await ask(`${at(monday + 1.5 * day)}&knowledge=now`);
  expect(status).toBe(200);
  const pricing = (body.engagement.lines as { name: string }[]).find((line) => line.name === 'viewed-pricing');
  expect(pricing).toMatchObject({
    count: 2,
    firstAt: new Date(monday).toISOString(),
    lastAt: new Date(monday + day).toISOString(),
  });
  expect(pricing).toMatchObject({ events: { first: eventIdOf('test', 'm-0'), last: eventIdOf('test', 'm-2') } });
  expect(body).toMatchObject({
    knowledge: 'now',
    facts: 2,
    keys: ['a:browser-1', `e:${address}`],
    asOf: new Date(monday + 1.5 * day).toISOString(),
  });
});

test('what was known then leaves it out, and does not know her before she said who she is', async () => {
  const before = (await ask(`${at(monday + 1.5 * day)}&knowledge=then`)).body;
  expect(before).toMatchObject({ knowledge: 'then', facts: 0, keys: [], score: 0, temperature: 'cold' });
  const after = (await ask(`${at(monday + 3 * day)}&knowledge=then`)).body;
  expect(after).toMatchObject({ facts: 2, keys: ['a:browser-1', `e:${address}`], stage: { name: 'lead' } });
  const manager = (after.fit.lines as { points: number; events: string[] }[]).find((line) => line.points === 20);
  expect(manager!.events).toEqual([eventIdOf('test', 'm-1')]);
  expect((await ask(`${at(monday + 5 * day)}&knowledge=then`)).body.facts).toBe(3);
});

test('its lines sum, and at this instant it says what the live answer says', async () => {
  const past = (await ask(at(monday + 6 * day))).body;
  const live = (await ask('')).body;
  for (const one of [past, live]) for (const line of one.engagement.lines) delete line.events;
  expect({ ...past, lead: live.lead, facts: null }).toEqual(live);
  const tenths = (lines: { points: number }[]) => lines.reduce((sum, line) => sum + Math.round(line.points * 10), 0);
  expect(tenths(past.lines)).toBe(Math.round(past.score * 10));
});

test.each([
  ['an instant to come', `${at(monday + 7 * day)}`, 'at', 'at-in-future'],
  ['an instant before 2000', 'at=1999-12-31T23:59:59Z', 'at', 'at-too-early'],
  ['what is no instant', 'at=yesterday', 'at', 'invalid-input'],
  ['a knowledge nobody has', `${at(monday)}&knowledge=later`, 'knowledge', 'invalid-input'],
  ['an instant before any rulebook', `${at(monday - 40 * day)}&knowledge=then`, 'at', 'no-rulebook-then'],
])('refuses %s, by the name of the field', async (_, query, path, code) => {
  expect((await ask(query)).body).toMatchObject({ code, errors: [{ path }] });
});

test('nobody of this name is nobody at any time', async () => {
  const answer = await api.call('GET', `/v1/leads/e%3Anobody%40x.example/score?${at(monday)}`, { key: api.keys.sales });
  expect(answer).toMatchObject({ status: 404, body: { code: 'lead-unknown' } });
});
