import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { AlertReactor, handoffConfig } from '#libs/handoff';
import { driveClock, parseConfig } from '#libs/platform';
import { cross, plainReader, startActing, type Acting } from '#test/acting';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { handOutNow, mailsDue } from '#test/mails-due';
import { plainMail } from '#test/plain-mail';
import { HttpSink, SmtpSink } from '#test/sinks';
import { until } from '#test/until';

let db: TestDatabase;
let mail: SmtpSink;
let hook: HttpSink;
let slack: HttpSink;
let acting: Acting;

beforeAll(async () => {
  db = await createTestDatabase();
  [mail, hook, slack] = await Promise.all([new SmtpSink().start(), new HttpSink().start(), new HttpSink().start()]);
  const env = {
    SMTP_URL: mail.url,
    ALERT_WEBHOOK_URL: hook.url,
    ALERT_WEBHOOK_SECRETS: `whsec_${Buffer.alloc(24, 7).toString('base64')}`,
    ALERT_SLACK_WEBHOOK_URL: slack.url,
  };
  acting = await startActing(db, env, {
    handlers: [new AlertReactor(parseConfig(handoffConfig, env), plainReader)],
    mailPolicy: plainMail,
  });
});
afterEach(async () => {
  mail.beforeAccept = async () => undefined;
  mail.refuse = () => undefined;
  hook.answer = () => ({ status: 200 });
  mail.received.length = 0;
  await driveClock(db.pool, null);
  await db.pool.query('truncate delivery, outbox, fact_outbox, suppression');
});
afterAll(async () => {
  await acting.stop();
  await Promise.all([mail.stop(), hook.stop(), slack.stop()]);
  await db.drop();
});

interface Row {
  state: string;
  reason: string | null;
  attempt: number;
  last_error: string | null;
}
const row = async (id: string) => (await db.pool.query<Row>('select * from delivery where id = $1', [id])).rows[0]!;
const ended = (id: string) =>
  until('it ended', async () => ((r) => !['pending', 'sending'].includes(r.state) && r)(await row(id)));
const suppress = (address: string) =>
  db.pool.query(
    `insert into suppression (hash, address, reason, event, at)
     values (encode(sha256(convert_to($1::text, 'UTF8')), 'hex'), $1::text, 'unsubscribe', gen_random_uuid(), leadfold_now())`,
    [address],
  );

test('I22: what is claimed after an unsubscribe committed goes nowhere', async () => {
  await suppress('gone@example.com');
  const [gone, stays] = await mailsDue(db.pool, ['gone@example.com', 'stays@example.com']);
  expect(await ended(gone!.id)).toMatchObject({ state: 'suppressed', reason: 'suppressed-unsubscribe' });
  expect(await ended(stays!.id)).toMatchObject({ state: 'sent' });
  expect(mail.received.flatMap((m) => m.to)).toEqual(['stays@example.com']);
});

test('I22: a hard bounce fails the mail and suppresses the address in one transaction', async () => {
  mail.refuse = () => ({ code: 550, text: '5.1.1 no such user' });
  const [first] = await mailsDue(db.pool, ['nobody@example.com']);
  expect(await ended(first!.id)).toMatchObject({ state: 'failed', reason: 'bounced' });
  mail.refuse = () => undefined;
  const [second] = await mailsDue(db.pool, ['nobody@example.com']);
  expect(await ended(second!.id)).toMatchObject({ state: 'suppressed', reason: 'suppressed-bounce' });
  expect(mail.received).toEqual([]);
});

test('a refusal for now is tried again, and the receiver gets one copy', async () => {
  let refusals = 0;
  mail.refuse = () => (refusals++ < 1 ? { code: 451, text: '4.7.1 try later' } : undefined);
  const [created] = await mailsDue(db.pool, ['later@example.com']);
  expect(await ended(created!.id)).toMatchObject({ state: 'sent', attempt: 2 });
  expect(mail.received).toHaveLength(1);
});

test('I21: a mail that the server refuses at the end of the data was not received and is sent again', async () => {
  mail.beforeAccept = () => Promise.reject(Object.assign(new Error('x'), { responseCode: 421 }));
  const [created] = await mailsDue(db.pool, ['silent@example.com']);
  await until(
    'the first attempt failed',
    async () => (await row(created!.id)).attempt === 1 && (await row(created!.id)).state === 'pending',
  );
  expect(mail.received).toEqual([]);
  mail.beforeAccept = async () => undefined;
  expect(await ended(created!.id)).toMatchObject({ state: 'sent' });
  expect(mail.received).toHaveLength(1);
});

test('I25: a worker that lost its lease changes nothing', async () => {
  let release = () => undefined as void;
  mail.beforeAccept = () => new Promise((resolve) => (release = resolve));
  const [created] = await mailsDue(db.pool, ['slow@example.com']);
  await until('it is being sent', async () => (await row(created!.id)).state === 'sending' && release.length === 1);
  await db.pool.query("update delivery set lease_until = clock_timestamp() - interval '1 s' where id = $1", [
    created!.id,
  ]);
  await handOutNow(db.pool);
  expect(await ended(created!.id)).toMatchObject({ state: 'unknown', reason: 'worker-died' });
  release();
  await until('the late worker is through', () => mail.received.length === 1);
  mail.beforeAccept = async () => undefined;
  const [other] = await mailsDue(db.pool, ['after@example.com']);
  await ended(other!.id);
  expect(await row(created!.id)).toMatchObject({ state: 'unknown', reason: 'worker-died' });
});

test('I18: nothing stays pending past its limit', async () => {
  mail.refuse = () => ({ code: 451, text: 'never' });
  const [created] = await mailsDue(db.pool, ['never@example.com'], { limitMs: 1_000 });
  await until(
    'the limit has passed',
    async () => (await db.pool.query('select 1 from delivery where limit_at < leadfold_now()')).rowCount === 1,
  );
  await handOutNow(db.pool);
  expect(await ended(created!.id)).toMatchObject({ state: 'cancelled', reason: 'past-limit' });
});

test('I29: what is due is decided by the clock of the database', async () => {
  const now = Date.now();
  const [created] = await mailsDue(db.pool, ['tomorrow@example.com'], { dueAt: new Date(now + 24 * 3_600_000) });
  await handOutNow(db.pool);
  await acting.act.ledger.deliver(created!.id);
  expect(await row(created!.id)).toMatchObject({ state: 'pending', attempt: 0 });
  await driveClock(db.pool, new Date(now + 25 * 3_600_000));
  await handOutNow(db.pool);
  expect(await ended(created!.id)).toMatchObject({ state: 'sent' });
});

test('I26: a slow receiver delays only its own endpoint', async () => {
  hook.answer = () => ({ status: 200, delayMs: 3_000 });
  slack.received.length = 0;
  const started = performance.now();
  for (let i = 0; i < 30; i += 1) await cross(db);
  await until('all Slack messages came', () => slack.received.length === 30);
  const [created] = await mailsDue(db.pool, ['quick@example.com']);
  await ended(created!.id);
  expect(performance.now() - started).toBeLessThan(3_000);
  const held = await db.pool.query("select 1 from delivery where channel = 'webhook' and state = 'sent'");
  expect(held.rowCount).toBe(0);
  hook.answer = () => ({ status: 200 });
  await until(
    'the slow endpoint gets all of its own',
    async () =>
      (await db.pool.query("select 1 from delivery where channel = 'webhook' and state = 'sent'")).rowCount === 30,
  );
});

test('I19: claimed by many at once, a delivery is sent once', async () => {
  const created = await mailsDue(
    db.pool,
    Array.from({ length: 20 }, (_, i) => `many${i}@example.com`),
  );
  await Promise.all(created.flatMap(({ id }) => [1, 2, 3].map(() => acting.act.ledger.deliver(id))));
  await Promise.all(created.map(({ id }) => ended(id)));
  expect(mail.received.flatMap((m) => m.to).sort()).toEqual(created.map((_, i) => `many${i}@example.com`).sort());
});
