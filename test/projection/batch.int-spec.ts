import { afterAll, beforeEach, beforeAll, expect, test } from '@jest/globals';
import { eventIdOf } from '#libs/platform';
import type { LeadEvent } from '#libs/leads/domain';
import { acceptLoss, partitionHandlers, prepareOffset, publish, saveVersion } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { emptyTables, log, Projecting, storedRecord } from './projecting.js';
import { publishTestRulebook, testRulebook } from './test-rulebook.js';

const now = Date.now();
const day = 86_400_000;

/** Real: PostgreSQL, transactions, locks. The log is handed in batch by batch. */
let db: TestDatabase;
let projecting: Projecting;
let rulebook: number;
beforeAll(async () => {
  db = await createTestDatabase();
  rulebook = await publishTestRulebook(db.pool);
});
beforeEach(async () => {
  await projecting?.end();
  await emptyTables(db.pool);
  await publish(db.pool, rulebook, 'test');
  projecting = new Projecting(db);
});
afterAll(async () => {
  await projecting.end();
  await db.drop();
});

const page = (name: string, fields: Partial<LeadEvent> = {}): LeadEvent => ({
  id: eventIdOf('test', name),
  type: 'page',
  source: 'test',
  occurredAt: now - 60_000,
  receivedAt: now,
  anonymousId: 'browser',
  properties: { path: '/products/a' },
  ...fields,
});
const pages = (prefix: string, count: number, fields: Partial<LeadEvent> = {}) =>
  Array.from({ length: count }, (_, index) => page(`${prefix}${index}`, fields));
const rows = async <T extends object>(sql: string, values: unknown[] = []): Promise<T[]> =>
  (await db.pool.query<T>(sql, values)).rows;
const offsets = async () =>
  (await rows('select next, consumed, stored, quarantined, duplicates, dropped, conflicts from partition_offset'))[0];
const decisions = () =>
  rows<{ decision: string; cause: string; quiet: boolean }>(
    `select body->>'decision' as decision, body->>'cause' as cause, (body->>'quiet')::bool as quiet from event where kind = 'decision' order by batch, id`,
  );
const listen = () => db.pool.query(`insert into listener values ('crossing', 'hot', 'test') on conflict do nothing`);
const hot = async () => (await decisions()).filter((one) => one.decision === 'hot');

test('I4, I5: consumed = stored + quarantined + duplicates; another body under a known id leaves the first unchanged and is a conflict', async () => {
  await projecting.apply([page('one'), page('two'), page('one'), page('two', { properties: { path: '/other' } })]);
  await projecting.apply([page('one', { receivedAt: now + 5_000 }), page('two', { properties: { path: '/third' } })]);
  // a retry has times of its own, and may come over another network
  const delivery = (nth: number) =>
    page('three', {
      receivedAt: now + nth,
      context: { locale: 'ja', sentAt: `sent ${nth}`, skewMs: nth, ip: `192.0.2.${nth}` },
    });
  await projecting.apply([delivery(1), delivery(2)]);
  expect(await offsets()).toEqual({
    next: 8,
    consumed: 8,
    stored: 3,
    quarantined: 0,
    duplicates: 5,
    dropped: 0,
    conflicts: 2,
  });
  expect(
    await rows(`select body->'properties'->>'path' as path from event where id = $1`, [eventIdOf('test', 'two')]),
  ).toEqual([{ path: '/products/a' }]);
});

test('I14: poison is quarantined with its bytes and its reason, whoever refuses it, and the rest of the batch is applied', async () => {
  const good = pages('good', 20);
  const records = good.map((event, index) => storedRecord(event, index));
  const bytes = Buffer.from('{"not":"an event"');
  records[3] = { ...records[3]!, value: bytes };
  // valid JSON that PostgreSQL cannot hold
  records[11] = {
    ...records[11]!,
    value: Buffer.from(records[11]!.value!.toString().replace('/products/a', '\\u0000')),
  };
  await prepareOffset(db.pool, projecting.topic, 0);
  const outcome = await projecting.batches.apply(projecting.batchOf(0, records));
  expect(outcome).toEqual({ kind: 'done', next: 20 });
  expect(await offsets()).toMatchObject({ next: 20, consumed: 20, stored: 18, quarantined: 2 });
  expect(await rows('select position, code, value from quarantine order by position')).toEqual([
    { position: 3, code: 'bad-json', value: bytes },
    { position: 11, code: 'sql-22P05', value: records[11].value },
  ]);
});

test('I15: a database that goes away in mid-batch quarantines nothing, and the batch is applied once it is back', async () => {
  await projecting.apply([page('first')]);
  const blocker = await db.pool.connect();
  await blocker.query('begin');
  await blocker.query('select 1 from partition_offset for update');
  const applying = projecting.batches.apply(projecting.batchOf(0, [storedRecord(page('second'), 1)]));
  const outcome = applying.then(
    () => 'applied',
    () => 'thrown',
  );
  for (let killed = 0; killed === 0;)
    killed = (
      await db.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'leadfold-test-projector' and datname = current_database() and wait_event_type = 'Lock'`,
      )
    ).rowCount!;
  expect(await outcome).toBe('thrown');
  await blocker.query('rollback');
  blocker.release();
  expect(await projecting.batches.apply(projecting.batchOf(0, [storedRecord(page('second'), 1)]))).toEqual({
    kind: 'done',
    next: 2,
  });
  expect(await offsets()).toMatchObject({ next: 2, stored: 2, quarantined: 0 });
});

test('I12: of two projectors on one partition the second waits and drops what the first has committed', async () => {
  await projecting.apply([page('zero')]);
  const second = new Projecting(db);
  const records = pages('same', 50).map((event, index) => storedRecord(event, index + 1));
  const outcomes = await Promise.all([
    projecting.batches.apply(projecting.batchOf(0, records)),
    second.batches.apply(second.batchOf(0, records)),
  ]);
  await second.end();
  expect(outcomes).toEqual([
    { kind: 'done', next: 51 },
    { kind: 'done', next: 51 },
  ]);
  expect(await offsets()).toMatchObject({ next: 51, consumed: 51, stored: 51, duplicates: 0 });
});

test('I12: a projector stopped in mid-transaction holds its partition no longer than the timeout', async () => {
  await projecting.apply([page('zero')]);
  const stopped = await db.pool.connect();
  stopped.on('error', () => undefined);
  await stopped.query(`set idle_in_transaction_session_timeout = '300ms'`);
  await stopped.query('begin');
  await stopped.query('select 1 from partition_offset for update');
  const startedAt = performance.now();
  expect(await projecting.batches.apply(projecting.batchOf(0, [storedRecord(page('later'), 1)]))).toEqual({
    kind: 'done',
    next: 2,
  });
  expect(performance.now() - startedAt).toBeGreaterThan(200);
  stopped.release(true);
});

test('I11, I13: what the log brings again is dropped below `next`, and a database behind the log asks for what it lacks', async () => {
  await projecting.apply(pages('p', 5));
  const again = pages('p', 8).map((event, index) => storedRecord(event, index));
  expect(await projecting.batches.apply(projecting.batchOf(0, again))).toEqual({ kind: 'done', next: 8 });
  expect(await offsets()).toMatchObject({ next: 8, consumed: 8, stored: 8 });
  await db.pool.query('update partition_offset set next = 6, consumed = 6, stored = 6');
  const late = [storedRecord(page('p7'), 7)];
  expect(await projecting.batches.apply(projecting.batchOf(0, late))).toEqual({ kind: 'seek', position: 6 });
  expect(await projecting.batches.apply(projecting.batchOf(0, late))).toMatchObject({ kind: 'stop' });
});

test('I31: a log that begins after `next` or ends before it stops the partition until an operator accepts the loss', async () => {
  const handlers = partitionHandlers(projecting.pool, projecting.batches, log, () => undefined);
  await projecting.apply(pages('p', 5));
  const at = { topic: projecting.topic, partition: 0 };
  expect(await handlers.assigned({ ...at, begin: 0, end: 9 })).toEqual({ start: 5 });
  expect(await handlers.assigned({ ...at, begin: 0, end: 5 })).toEqual({ start: 5 });
  expect(await handlers.assigned({ ...at, begin: 0, end: 3 })).toEqual({ stop: 'the log ends at 3, before 5' });
  expect(await projecting.batches.apply(projecting.batchOf(0, [storedRecord(page('x'), 5)]))).toMatchObject({
    kind: 'stop',
  });
  expect(await acceptLoss(db.pool, { ...at, begin: 0, end: 3, actor: 'operator:test' })).toEqual({ from: 5, to: 0 });
  expect(await handlers.assigned({ ...at, begin: 7, end: 9 })).toEqual({ stop: 'the log begins at 7, after 0' });
  expect(await acceptLoss(db.pool, { ...at, begin: 7, end: 9, actor: 'operator:test' })).toEqual({ from: 0, to: 7 });
  expect(await handlers.assigned({ ...at, begin: 7, end: 9 })).toEqual({ start: 7 });
});

test('a lead crosses once, loudly, and its crossing is put in the outbox with its reason', async () => {
  await listen();
  await projecting.apply(pages('view', 6));
  expect(await hot()).toEqual([]);
  await projecting.apply(pages('more', 3));
  await projecting.apply(pages('again', 1));
  expect(await hot()).toEqual([{ decision: 'hot', cause: 'event', quiet: false }]);
  expect(await rows('select kind, name, subject_key, quiet_cause, payload from outbox')).toEqual([
    {
      kind: 'crossing',
      name: 'hot',
      subject_key: 'a:browser',
      quiet_cause: null,
      payload: { rules: ['score-of-70'], epoch: 1, score: 900, temperature: 'hot' },
    },
  ]);
});

test('an import of old events decides quietly', async () => {
  await listen();
  await projecting.apply(pages('old', 9, { occurredAt: now - 2 * day }));
  expect(await hot()).toEqual([{ decision: 'hot', cause: 'old-events', quiet: true }]);
  expect(await rows('select quiet_cause from outbox')).toEqual([{ quiet_cause: 'old-events' }]);
});

test('a batch makes the same number of statements, whatever its size', async () => {
  const counted = async (events: LeadEvent[]): Promise<number> => {
    const client = await projecting.pool.connect();
    const prototype = Object.getPrototypeOf(client) as { query: (...args: unknown[]) => unknown };
    client.release();
    const original = prototype.query;
    let statements = 0;
    prototype.query = function (this: unknown, ...args: unknown[]) {
      statements += 1;
      return original.apply(this, args);
    };
    try {
      await projecting.apply(events);
    } finally {
      prototype.query = original;
    }
    return statements;
  };
  const mixed = (prefix: string, count: number): LeadEvent[] =>
    Array.from({ length: count }, (_, index) =>
      index % 5 === 0
        ? page(`${prefix}${index}`, {
            type: 'identify',
            links: true,
            anonymousId: `${prefix}b${index}`,
            email: `${prefix}${index}@x.jp`,
            userId: `main:${prefix}${index}`,
          })
        : page(`${prefix}${index}`, { anonymousId: `${prefix}b${index}` }),
    );
  await projecting.apply([page('warm-up')]);
  const few = await counted(mixed('few', 10));
  const many = await counted(mixed('many', 1500));
  expect(few).toBeLessThan(45);
  expect(many).toBe(few);
});

test('every hot look-up finds its rows by index, although its plan was made when the tables were empty', async () => {
  await projecting.apply([page('first')]);
  for (let round = 0; round < 3; round += 1)
    await projecting.apply(
      Array.from({ length: 1500 }, (_, index) => page(`fill${round}-${index}`, { anonymousId: `b${round}-${index}` })),
    );
  await db.pool.query('select pg_stat_force_next_flush()').catch(() => undefined);
  const scans = async () =>
    rows<{ relname: string; read: number }>(
      `select relname, seq_tup_read::bigint as read from pg_stat_user_tables where relname in ('event', 'subject_key', 'lead', 'identification', 'link') order by 1`,
    );
  const client = await projecting.pool.connect();
  await client.query('select pg_stat_force_next_flush()');
  client.release();
  const before = await scans();
  await projecting.apply(pages('probe', 200));
  const flushing = await projecting.pool.connect();
  await flushing.query('select pg_stat_force_next_flush()');
  flushing.release();
  expect(await scans()).toEqual(before);
  // the control: a scan would have shown
  const scanning = await projecting.pool.connect();
  await scanning.query(`select count(*) from event where body->>'x' is null`);
  await scanning.query('select pg_stat_force_next_flush()');
  scanning.release();
  expect(await scans()).not.toEqual(before);
});

test('I32: a publish commits within 5 s under load, and re-derives quietly what it changes', async () => {
  await listen();
  await projecting.apply(pages('view', 6));
  const load = Array.from({ length: 6 }, (_, round) => pages(`load${round}`, 300, { anonymousId: `load${round}` }));
  const version = await saveVersion(db.pool, testRulebook({ hot: { any: { score: { gte: 50 } } } }), 'test');
  const startedAt = performance.now();
  const publishing = publish(db.pool, version, 'test').then(() => performance.now() - startedAt);
  for (const batch of load) await projecting.apply(batch);
  expect(await publishing).toBeLessThan(5_000);
  await projecting.apply([page('after')]);
  const own = await rows(
    `select body->>'cause' as cause, body->>'quiet' as quiet from event where kind = 'decision' and body->>'decision' = 'hot' and anon = 'browser'`,
  );
  expect(own).toEqual([{ cause: 'publish', quiet: 'true' }]);
});
