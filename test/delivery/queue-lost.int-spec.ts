// needs: redis
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { AlertReactor, handoffConfig } from '#libs/handoff';
import { parseConfig } from '#libs/platform';
import { cross, plainReader, startActing, type Acting } from '#test/acting';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { mailsDue } from '#test/mails-due';
import { plainMail } from '#test/plain-mail';
import { HttpSink, SmtpSink } from '#test/sinks';
import { until } from '#test/until';

let db: TestDatabase;
let mail: SmtpSink;
let hook: HttpSink;
let acting: Acting;
let redis: ChildProcess;
let port: number;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}
const client = () => new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => null });
async function startRedis(): Promise<void> {
  redis = spawn(
    'redis-server',
    [
      '--port',
      String(port),
      '--save',
      '',
      '--appendonly',
      'no',
      '--maxmemory-policy',
      'noeviction',
      '--bind',
      '127.0.0.1',
    ],
    { stdio: 'ignore' },
  );
  await until('Redis answers', async () => {
    const probe = client();
    probe.on('error', () => undefined);
    const pong = await probe.connect().then(
      () => probe.ping(),
      () => false,
    );
    probe.disconnect();
    return pong;
  });
}
async function stopRedis(): Promise<void> {
  redis.kill('SIGKILL');
  await once(redis, 'exit');
}

beforeAll(async () => {
  port = await freePort();
  [db, mail, hook] = await Promise.all([createTestDatabase(), new SmtpSink().start(), new HttpSink().start()]);
  await startRedis();
  const env = {
    SMTP_URL: mail.url,
    REDIS_URL: `redis://127.0.0.1:${port}`,
    ALERT_WEBHOOK_URL: `${hook.url}/hook`,
    ALERT_WEBHOOK_SECRETS: `whsec_${Buffer.alloc(24, 7).toString('base64')}`,
  };
  const alerts = new AlertReactor(parseConfig(handoffConfig, env), plainReader);
  acting = await startActing(db, env, { handlers: [alerts], mailPolicy: plainMail });
});
afterAll(async () => {
  await acting.stop();
  await stopRedis();
  await Promise.all([mail.stop(), hook.stop()]);
  await db.drop();
});

const sentTo = (word: string) => mail.received.flatMap((m) => m.to).filter((to) => to.startsWith(word));
const addresses = (word: string, count: number) => Array.from({ length: count }, (_, i) => `${word}${i}@example.com`);

test('I20: FLUSHALL in the midst of a backlog loses no delivery and repeats none', async () => {
  mail.beforeAccept = () => new Promise((resolve) => setTimeout(resolve, 20));
  await mailsDue(db.pool, addresses('flush', 200));
  await until('some are sent', () => sentTo('flush').length > 20);
  const admin = client();
  await admin.connect();
  await admin.flushall();
  admin.disconnect();
  expect(sentTo('flush').length).toBeLessThan(200);
  mail.beforeAccept = async () => undefined;
  await until('all are sent', () => sentTo('flush').length === 200, 45_000);
  expect(new Set(sentTo('flush')).size).toBe(200);
}, 60_000);

test('I20: a time without Redis, and an empty one afterwards, cost only the time', async () => {
  await stopRedis();
  await mailsDue(db.pool, addresses('away', 50));
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  expect(sentTo('away')).toEqual([]);
  const { decision } = await cross(db);
  await until('an alert waits for no queue', () => hook.received.some((post) => post.body.includes(decision)));
  await startRedis();
  await until('all are sent', () => sentTo('away').length === 50, 45_000);
  expect(new Set(sentTo('away')).size).toBe(50);
}, 90_000);
