import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { newId } from '#libs/platform';
import { cross } from '#test/acting';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { handOutNow, mailsDue } from '#test/mails-due';
import { HttpSink, SmtpSink } from '#test/sinks';
import { until } from '#test/until';

const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
let db: TestDatabase;
let hook: HttpSink;
let mail: SmtpSink;
let child: ChildProcess | undefined;

beforeAll(async () => {
  db = await createTestDatabase();
  [hook, mail] = await Promise.all([new HttpSink().start(), new SmtpSink().start()]);
});
afterEach(async () => {
  if (child && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  child = undefined;
  mail.beforeAccept = async () => undefined;
  mail.received.length = 0;
  hook.received.length = 0;
  await db.pool.query('truncate delivery, outbox, fact_outbox, suppression');
});
afterAll(async () => {
  await Promise.all([hook.stop(), mail.stop()]);
  await db.drop();
});

/** A worker process; each has a queue prefix of its own, as after a flushed Redis. */
async function startWorker(failpoint?: string): Promise<ChildProcess> {
  child = fork(fileURLToPath(new URL('../../dist/test/support/acting-process.js', import.meta.url)), {
    env: {
      ...process.env,
      DATABASE_URL: db.url,
      ALERT_WEBHOOK_URL: `${hook.url}/hook`,
      ALERT_WEBHOOK_SECRETS: secret,
      SMTP_URL: mail.url,
      WORKER_LEASE_SECONDS: '3',
      JOB_QUEUE_PREFIX: `t${newId().replaceAll('-', '')}`,
      ...(failpoint && { FAILPOINT: failpoint }),
    },
  });
  await once(child, 'message');
  return child;
}
const died = async (process: ChildProcess) => {
  if (process.exitCode === null && process.signalCode === null) await once(process, 'exit');
  expect(process.signalCode).toBe('SIGKILL');
};
interface Row {
  id: string;
  state: string;
  reason: string | null;
  repeats: number;
  attempt: number;
}
const rows = async () =>
  (await db.pool.query<Row>('select id, state, reason, repeats, attempt from delivery order by id')).rows;
const allEnded = (count: number) =>
  until(
    'everything ended',
    async () => {
      const found = await rows();
      return found.length === count && found.every((row) => !['pending', 'sending'].includes(row.state)) && found;
    },
    60_000,
  );

test('I17: killed after the claim, an alert goes once and counts no repeat', async () => {
  const first = await startWorker('worker.after_claim');
  await cross(db);
  await died(first);
  await startWorker();
  expect(await allEnded(1)).toMatchObject([{ state: 'sent', repeats: 0, attempt: 2 }]);
  expect(hook.received).toHaveLength(1);
}, 90_000);

test('I17: killed after sending, an alert is repeated with the same id, and the repeat is counted', async () => {
  const first = await startWorker('worker.after_send');
  await cross(db);
  await died(first);
  await startWorker();
  const [row] = await allEnded(1);
  expect(row).toMatchObject({ state: 'sent', repeats: 1 });
  expect(hook.received.map((post) => post.headers['webhook-id'])).toEqual([row!.id, row!.id]);
}, 90_000);

test('I21: killed after the hand-off, a mail is unknown and is not sent again', async () => {
  const first = await startWorker('worker.after_handoff:5');
  const recipients = Array.from({ length: 60 }, (_, i) => `lead${i}@example.com`);
  await mailsDue(db.pool, recipients);
  await died(first);
  await startWorker();
  await handOutNow(db.pool);
  const ended = await allEnded(60);
  const unknown = ended.filter((row) => row.state === 'unknown');
  expect(unknown.length).toBeGreaterThan(0);
  expect(unknown.length).toBeLessThanOrEqual(40);
  expect(unknown.every((row) => row.reason === 'worker-died')).toBe(true);
  const addresses = mail.received.flatMap((m) => m.to);
  expect(new Set(addresses).size).toBe(addresses.length);
  for (const row of ended.filter((r) => r.state === 'sent'))
    expect(mail.received.some((m) => m.raw.includes(row.id))).toBe(true);
}, 90_000);

test('I19: killed after sending, no recipient gets a second copy', async () => {
  const first = await startWorker('worker.after_send:7');
  // 40 at the most are marked at the same time: all of those may be unknown, the others are sent
  const recipients = Array.from({ length: 80 }, (_, i) => `twice${i}@example.com`);
  await mailsDue(db.pool, recipients);
  await died(first);
  await startWorker();
  await handOutNow(db.pool);
  const ended = await allEnded(80);
  const addresses = mail.received.flatMap((m) => m.to);
  expect(new Set(addresses).size).toBe(addresses.length);
  const sent = ended.filter((row) => row.state === 'sent').length;
  expect(sent).toBeGreaterThanOrEqual(40);
  expect(sent + ended.filter((row) => row.state === 'unknown').length).toBe(80);
  expect(addresses.length).toBeGreaterThanOrEqual(sent);
}, 90_000);

test('I28: SIGTERM under load leaves nothing unknown, and what was left is sent by the next worker', async () => {
  mail.beforeAccept = () => new Promise((resolve) => setTimeout(resolve, 30));
  const first = await startWorker();
  await mailsDue(
    db.pool,
    Array.from({ length: 300 }, (_, i) => `term${i}@example.com`),
  );
  await until('some are sent', () => mail.received.length > 20);
  first.kill('SIGTERM');
  await once(first, 'exit');
  expect(first.exitCode).toBe(0);
  const left = await rows();
  expect(left.filter((row) => ['sending', 'unknown'].includes(row.state))).toEqual([]);
  expect(left.filter((row) => row.state === 'sent').length).toBe(mail.received.length);
  mail.beforeAccept = async () => undefined;
  await startWorker();
  await handOutNow(db.pool);
  await allEnded(300);
  const addresses = mail.received.flatMap((m) => m.to);
  expect(addresses).toHaveLength(300);
  expect(new Set(addresses).size).toBe(300);
}, 90_000);
