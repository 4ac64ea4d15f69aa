import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createEventLog, eventLogConfig, type EventLog } from '#libs/event-log';
import { createDeliveries } from '#libs/delivery';
import { createLogger, newId, parseConfig } from '#libs/platform';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { judgeDeliveries } from '../../libs/nurture/src/judge-hits.job.js';

let db: TestDatabase;
let log: EventLog;
beforeAll(async () => {
  db = await createTestDatabase();
  log = createEventLog(
    { ...parseConfig(eventLogConfig, { EVENT_LOG: 'postgres' }), DATABASE_URL: db.url },
    createLogger('test', 'warn'),
  );
  await log.prepare();
});
afterAll(async () => {
  await log?.close();
  await db?.drop();
});

/** What stands on the log since the last look. */
const seen = new Set<string>();
const take = async () => {
  const { rows } = await db.pool.query<{ id: string; value: Buffer }>(
    "select headers ->> 'ce_id' as id, value from log_record",
  );
  const fresh = rows.filter((row) => !seen.has(row.id));
  for (const { id } of fresh) seen.add(id);
  return fresh.map(({ id, value }) => ({
    id,
    ...(JSON.parse(value.toString()) as { name: string; refersTo: string }),
  }));
};

const hit = async (delivery: string, secondsAgo: number, url: string, method = 'GET') => {
  const id = newId();
  const body = {
    name: 'Email Clicked',
    properties: { deliveryId: delivery, url },
    context: { method, userAgent: 'Mozilla/5.0 (X11) Firefox/140' },
  };
  await db.pool.query(
    `insert into event (id, kind, type, source, email, occurred_at, received_at, batch, body)
     values ($1, 'behaviour', 'track', 'collector', 'a@example.com', now() - $2 * interval '1 s', now() - $2 * interval '1 s', 1, $3)`,
    [id, secondsAgo, JSON.stringify(body)],
  );
  return id;
};
const stored = (verdict: { id: string; name: string; refersTo: string }) =>
  db.pool.query(
    `insert into event (id, kind, type, source, occurred_at, received_at, batch, refers_to, body) values ($1, 'judgement', 'verdict', 'worker', now(), now(), 1, $2, $3)`,
    [verdict.id, verdict.refersTo, JSON.stringify(verdict)],
  );

test('S12: hits are judged once, and a verdict is revised when the burst becomes whole', async () => {
  const [delivery] = await createDeliveries(db.pool, [
    {
      key: 'run:step',
      purpose: 'nurture',
      channel: 'email',
      lead: 1,
      subjectKey: 'e:a@example.com',
      recipient: 'a@example.com',
      payload: { template: 't', version: 1, locale: 'ja' },
    },
  ]);
  await db.pool.query("update delivery set handed_off_at = now() - interval '1 hour'");
  await db.pool.query(
    `insert into template_version (name, version, locale, subject, mjml, html, created_by) values ('t', 1, 'ja', 's', '', '<a href="https://a.example">a</a><a href="https://b.example">b</a>', 'x')`,
  );
  const first = await hit(delivery!.id, 100, 'https://a.example');
  await judgeDeliveries(db.pool, log);
  const [human] = await take();
  expect(human).toMatchObject({ refersTo: first, name: 'human' });
  await stored(human!);
  await judgeDeliveries(db.pool, log);
  expect(await take()).toEqual([]);

  const second = await hit(delivery!.id, 99, 'https://b.example');
  await judgeDeliveries(db.pool, log);
  expect(new Map((await take()).map((v) => [v.refersTo, v.name]))).toEqual(
    new Map([
      [first, 'machine'],
      [second, 'machine'],
    ]),
  );
});
