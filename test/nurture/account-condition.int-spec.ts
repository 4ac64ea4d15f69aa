import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { LeadEvent } from '#libs/leads/domain';
import { judgeByRulebook, SaveScenarioVersion, SaveScenarioVersionHandler } from '#libs/nurture';
import { eventIdOf } from '#libs/platform';
import { readLead, type LeadRead } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { Projecting } from '../projection/projecting.js';
import { ship } from './nurturing.js';

/** Real: PostgreSQL, the projection and the shipped rulebook. */
let db: TestDatabase;
let projecting: Projecting;
const now = Date.now();
const form = (email: string, names: string[]): LeadEvent[] =>
  names.map((name, index) => ({
    id: eventIdOf('test', `${email} ${name}`),
    type: 'track',
    source: 'test',
    name,
    email,
    links: true,
    occurredAt: now - 60_000 + index,
    receivedAt: now - 60_000 + index,
    properties: {},
  }));

beforeAll(async () => {
  db = await createTestDatabase();
  await ship(db);
  projecting = new Projecting(db);
  await projecting.apply([
    ...form('a@mirai.co.jp', ['Webinar Attended', 'Price List Downloaded', 'Material Requested']),
    ...form('b@mirai.co.jp', ['Webinar Attended', 'Price List Downloaded']),
    ...form('c@mirai.co.jp', ['Webinar Attended', 'Contact Requested']),
    ...form('alone@gmail.com', ['Webinar Attended']),
  ]);
});
afterAll(async () => {
  await projecting?.end();
  await db?.drop();
});

const recordOf = async (email: string) => {
  const { id, state, memory } = (await readLead(db.pool, { key: `e:${email}` })) as LeadRead;
  return { lead: id, state, memory, email, suppressed: false };
};

test('a scenario’s condition about the company is judged of all its people; who has none meets it never', async () => {
  const [member, alone] = [await recordOf('c@mirai.co.jp'), await recordOf('alone@gmail.com')];
  const holds = await judgeByRulebook(db.pool, { records: [member, alone], now });
  const hot = { account: { temperature: 'hot' as const } };
  expect(holds(hot, member, now)).toBe(true);
  expect(holds({ temperature: 'hot' }, member, now)).toBe(false);
  expect(holds({ account: { signal: 'downloaded-price-list', people: { eq: 2 } } }, member, now)).toBe(true);
  expect(holds({ account: { members: { gte: 4 } } }, member, now)).toBe(false);
  expect(holds(hot, alone, now)).toBe(false);
  expect(holds({ not: hot }, alone, now)).toBe(true);
});

test('it may be saved; a role or signal that the rulebook does not know is refused by its path', async () => {
  const save = new SaveScenarioVersionHandler(db.pool);
  const scenario = (account: string) => `
name: company
entry: { signal: requested-quote, when: { account: ${account} } }
steps:
  one: { send: material-thanks }`;
  await save.execute(new SaveScenarioVersion(scenario('{ temperature: { atLeast: warm }, roles: evaluator }'), 'test'));
  await expect(save.execute(new SaveScenarioVersion(scenario('{ roles: boss }'), 'test'))).rejects.toMatchObject({
    options: { errors: [{ path: 'entry.when.account.roles', code: 'unknown-role' }] },
  });
  await expect(save.execute(new SaveScenarioVersion(scenario('{ signal: nothing }'), 'test'))).rejects.toMatchObject({
    options: { errors: [{ path: 'entry.when.account.signal', code: 'unknown-signal' }] },
  });
});
