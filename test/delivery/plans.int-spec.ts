import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDeliveries, relayFacts, type Delivery } from '#libs/delivery';
import { createPool, newId, type Pool } from '#libs/platform';
import { readLastActions, readLeads } from '#libs/projection';
import { pinned } from '../../apps/worker/src/prepared-pool.js';
import { claim, markHandedOff } from '../../libs/delivery/src/claim.store.js';
import { commitEndings } from '../../libs/delivery/src/commit.store.js';
import { OutboxRelay } from '../../libs/delivery/src/relay.js';
import { lockRuns, runsToWake, wakeRunsOf } from '../../libs/nurture/src/run.store.js';
import { createTestDatabase, type TestDatabase } from '#test/database';

let db: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  db = await createTestDatabase();
  // as the worker has it, and as it meets the statements: on tables that are still empty
  pool = createPool({ url: pinned(db.url), applicationName: 'plans', max: 2 }, () => undefined);
});
afterAll(async () => {
  await pool.end();
  await db.drop();
});

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  Plans?: Plan[];
}

/** Indexes read in their order for a few rows: what waits, and the last publish. */
const queues = ['outbox_waiting', 'fact_outbox_waiting', 'rulebook_publish_pkey'];

/** What would be read whole. */
const wholes = (plan: Plan): string[] => [
  ...(/^(Seq|Index|Index Only|Bitmap Index) Scan$/.test(plan['Node Type']) &&
  !plan['Index Cond'] &&
  !queues.includes(plan['Index Name'] ?? '')
    ? [`${plan['Node Type']} on ${plan['Relation Name'] ?? plan['Index Name']}`]
    : []),
  ...(plan.Plans ?? []).flatMap(wholes),
];

/** Runs `work` on a connection that explains each statement instead of running it. */
async function readWhole(work: (explaining: Pool) => Promise<unknown>): Promise<string[]> {
  const found: string[] = [];
  let explained = 0;
  const query = async (asked: string | { text: string }) => {
    const text = typeof asked === 'string' ? asked : asked.text;
    if (/^(begin|commit|rollback)$/.test(text)) return { rows: [], rowCount: 0 };
    const result = await pool.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(`explain (generic_plan, format json) ${text}`);
    found.push(...wholes(result.rows[0]!['QUERY PLAN'][0]!.Plan));
    explained += 1;
    return { rows: [], rowCount: 0 };
  };
  const client = { query, on: () => undefined, off: () => undefined, release: () => undefined };
  await work({ query, connect: () => Promise.resolve(client) } as unknown as Pool);
  expect(explained).toBeGreaterThan(0);
  return found;
}

const delivery = {
  id: newId(),
  payload: {},
  subjectKey: 'e:a@example.com',
  leaseToken: newId(),
} as unknown as Delivery;
const ending = { delivery, state: 'sent' as const, reason: null, error: null, providerId: null, afterMs: 0, at: 0 };
const relay = (each: Pool) =>
  new OutboxRelay({
    pool: each,
    handlers: [],
    handOut: { add: () => undefined },
    log: {} as never,
    takes: 'crossings',
  });

test.each<[string, (explaining: Pool) => Promise<unknown>]>([
  ['the relay finds notices', (each) => relay(each).take()],
  ['deliveries are made', (each) => createDeliveries(each, [{ key: 'k' } as never])],
  ['leads of an alert', (each) => readLeads(each, [1])],
  ['last actions', (each) => readLastActions(each, [1], 3)],
  ['runs are woken', (each) => wakeRunsOf(each, ['e:a@example.com'])],
  ['runs that may be woken', (each) => runsToWake(each, 1, newId())],
  ['runs are locked', (each) => lockRuns(each, [newId()])],
  ['deliveries are claimed', (each) => claim(each, [newId()], 1_000)],
  ['alerts are claimed', (each) => claim(each, [newId()], 1_000, undefined, 'alert')],
  ['the hand-off is marked', (each) => markHandedOff(each, [delivery], 1_000)],
  ['attempts end', (each) => commitEndings(each, [ending])],
  ['facts are relayed', (each) => relayFacts(each, {} as never)],
])('a plan made on empty tables reads no table whole: %s', async (_, work) => {
  expect(await readWhole(work)).toEqual([]);
});

test('a statement that does read a table whole is found out', async () => {
  expect(await readWhole((each) => each.query("select 1 from run where state = 'active' and lead = 1"))).not.toEqual(
    await readWhole((each) => runsToWake(each, 1, newId())),
  );
  expect(await readWhole((each) => each.query("select 1 from event where source = 'main'"))).toHaveLength(1);
});
