import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { stateLater } from '#libs/delivery';
import { newId } from '#libs/platform';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { until } from '#test/until';
import { live } from './lives.js';

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

const env = (more: Record<string, string>) => ({
  DATABASE_URL: db.url,
  EVENT_LOG: 'postgres',
  JOB_QUEUE: 'postgres',
  WORKER_PROBE_PORT: '0',
  PROJECTOR_PROBE_PORT: '0',
  TRACKING_SECRET: 'a secret of the tests, long enough for the schema',
  MAIL_FROM: 'marketing@example.com',
  SENDER_ADDRESS: '1-2-3 Test, Tokyo',
  SITE_URL: 'https://www.example.com',
  ...more,
});

test('I1: a worker killed between putting facts on the log and noting it puts them there again, and each counts once', async () => {
  const now = Date.now();
  const ids = Array.from({ length: 20 }, () => newId());
  await stateLater(
    db.pool,
    ids.map((id, nth) => ({
      id,
      type: 'suppression',
      source: 'worker',
      occurredAt: now,
      receivedAt: now,
      email: `lead${nth}@example.com`,
      name: 'unsubscribe',
      properties: {},
    })),
  );
  expect(await live('worker', env({ FAILPOINT: 'worker.after_facts' })).ended).toBe('SIGKILL');
  const left = await db.pool.query<{ n: number }>('select count(*)::int as n from fact_outbox where sent_at is null');
  expect(left.rows[0]!.n).toBe(20);

  const [worker, projector] = [live('worker', env({})), live('projector', env({}))];
  try {
    await until(
      'all facts are noted as sent',
      async () => (await db.pool.query('select 1 from fact_outbox where sent_at is null')).rowCount === 0,
      60_000,
    );
    const log = await db.pool.query<{ copies: number }>(
      "select count(*)::int as copies from log_record group by headers->>'ce_id'",
    );
    expect(log.rows.map(({ copies }) => copies)).toEqual(ids.map(() => 2));
    const account = () =>
      db.pool.query<{ stored: number; duplicates: number }>(
        'select sum(stored)::int as stored, sum(duplicates)::int as duplicates from partition_offset',
      );
    await until('both copies are read', async () => ((await account()).rows[0]!.duplicates ?? 0) === 20, 60_000);
    expect((await account()).rows[0]).toEqual({ stored: 20, duplicates: 20 });
  } finally {
    worker.kill('SIGTERM');
    projector.kill('SIGTERM');
    expect([await worker.ended, await projector.ended]).toEqual(['exit code 0', 'exit code 0']);
  }
}, 150_000);
