import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createEventLog, type EventLog } from '#libs/event-log';
import { RecordOutcome, RecordOutcomeHandler } from '#libs/handoff';
import { createLogger, type DomainError } from '#libs/platform';
import { createTestDatabase, type TestDatabase } from '#test/database';

let db: TestDatabase;
let log: EventLog;
let handler: RecordOutcomeHandler;
let lead: number;

beforeAll(async () => {
  db = await createTestDatabase();
  log = createEventLog({ EVENT_LOG: 'postgres', DATABASE_URL: db.url } as never, createLogger('test', 'warn'));
  await log.prepare();
  handler = new RecordOutcomeHandler(db.pool, log);
  const made = await db.pool.query<{ id: number }>(
    `insert into lead (id, state) values (nextval('lead_id_seq'), '{"profile":{},"consent":{},"counters":{}}') returning id`,
  );
  lead = made.rows[0]!.id;
  await db.pool.query("insert into subject_key (key, lead) values ('e:taro@example.com', $1)", [lead]);
});
afterAll(async () => {
  await log.close();
  await db.drop();
});

const record = (input: unknown, key?: string) => handler.execute(new RecordOutcome(lead, input, 'key sales', key));
const onLog = async () => {
  const bounds = await log.bounds('leadfold.events.urgent.v1');
  return bounds.reduce((sum, bound) => sum + bound.end - bound.begin, 0);
};

test('an outcome becomes an event on the log, under the id that is answered', async () => {
  const before = await onLog();
  const { eventId } = await record({
    outcome: 'opportunity',
    likelihood: 60,
    nextActionDate: '2026-12-01',
    note: 'demo went well',
  });
  expect(eventId).toMatch(/^[0-9a-f-]{36}$/);
  expect(await onLog()).toBe(before + 1);
});

test('stated again under the caller’s key it keeps its id', async () => {
  expect(await record({ outcome: 'contacted' }, 'call-1')).toEqual(await record({ outcome: 'contacted' }, 'call-1'));
});

test.each([
  [{ outcome: 'rejected' }, 'reason'],
  [{ outcome: 'opportunity', likelihood: 60 }, 'nextActionDate'],
  [{ outcome: 'opportunity', likelihood: 160, nextActionDate: '2026-12-01' }, 'likelihood'],
  [{ outcome: 'opportunity', likelihood: 60, nextActionDate: '2026-02-31' }, 'nextActionDate'],
  [{ outcome: 'sold' }, 'outcome'],
])('%j is refused by the field %s and nothing reaches the log', async (input, path) => {
  const before = await onLog();
  await expect(record(input)).rejects.toMatchObject({ code: 'invalid-outcome', options: { path } } satisfies Partial<
    Record<keyof DomainError, unknown>
  >);
  expect(await onLog()).toBe(before);
});

test('an unknown lead is a 404', async () => {
  await expect(handler.execute(new RecordOutcome(999_999, { outcome: 'contacted' }, 'key'))).rejects.toMatchObject({
    code: 'lead-unknown',
  });
});
