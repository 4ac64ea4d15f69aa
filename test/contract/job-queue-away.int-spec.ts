import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { createLogger } from '#libs/platform';
import { createJobQueue, defineJob, jobQueueConfig, type JobQueue } from '#libs/job-queue';
import { until } from './event-log.applied.js';

/** A Redis of this test's own, because it is killed, emptied and started again. */
const kind = defineJob({ name: 'away', payload: z.object({ id: z.number() }) });
const folder = mkdtempSync(path.join(tmpdir(), 'leadfold-redis-'));
const seen = new Set<number>();
let port: number;
let redis: ChildProcess;
let queue: JobQueue;

async function startRedis(): Promise<void> {
  redis = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
  const up = () => new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => (socket.destroy(), resolve(true))).on('error', () => resolve(false));
  });
  for (let n = 0; !(await up()); n += 1) {
    if (n > 200) throw new Error('redis-server did not start');
    await delay(25);
  }
}

async function killRedis(): Promise<void> {
  const gone = new Promise((resolve) => redis.once('exit', resolve));
  redis.kill('SIGKILL');
  await gone;
}

const add = (id: number) => queue.enqueue(kind, { id }, { jobId: `d-${id}` });

beforeAll(async () => {
  port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address() as { port: number };
      probe.close(() => resolve(free));
    });
  });
  const config = jobQueueConfig.parse({ REDIS_URL: `redis://127.0.0.1:${port}` });
  queue = createJobQueue({ ...config, DATABASE_URL: '' }, createLogger('test', 'silent'), { lockMs: 1_500, stalledCheckMs: 500 });
});
afterAll(async () => {
  await queue.close();
  if (redis.exitCode === null) await killRedis();
  rmSync(folder, { recursive: true, force: true });
});

async function refusedSoon(): Promise<void> {
  const at = performance.now();
  await expect(add(999)).rejects.toThrow();
  expect(performance.now() - at).toBeLessThan(4_000);
  expect(await queue.reachable()).toBe(false);
}

test('I20: without Redis the caller hears it soon; runners started without it begin when it comes', async () => {
  await queue.run(kind, ({ id }) => Promise.resolve(void seen.add(id)), { concurrency: 2 });
  await refusedSoon();
  await startRedis();
  await until('the queue', () => true);
  await addWhenBack(1);
  await until('the first job', () => seen.has(1));
}, 60_000);

test('I20: Redis killed and back, empty: the same runner goes on', async () => {
  await killRedis();
  await refusedSoon();
  await startRedis();
  await addWhenBack(2);
  await until('the job after the restart', () => seen.has(2));
}, 60_000);

test('I20: FLUSHALL loses what waits and harms nothing else', async () => {
  await queue.enqueue(kind, { id: 3 }, { jobId: 'd-3', delayMs: 60_000 });
  const client = new Redis(port, '127.0.0.1');
  await client.flushall();
  await client.quit();
  expect(await queue.counts(kind)).toEqual({ waiting: 0, active: 0, delayed: 0 });
  await add(3);
  await until('the job added again', () => seen.has(3));
}, 60_000);

async function addWhenBack(id: number): Promise<void> {
  for (let n = 0; n < 20; n += 1) {
    if (await add(id).then(() => true, () => false)) return;
    await delay(100);
  }
  throw new Error('the queue did not come back');
}
