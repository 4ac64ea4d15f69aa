// needs: kafka, redis
import net from 'node:net';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { breaker } from '#tools/services/break';
import { ensureServices, resetServices, serviceSet, serviceStatus, type Services } from '#tools/services/index';
import { isAlive, signal } from '#tools/services/processes';
import { redisCall } from '#tools/services/redis';
import { parts, readRecord, writeRecord } from '#tools/services/service-set';

// real PostgreSQL, Kafka, Redis and maildev, in a set of their own that nobody else uses
const set = serviceSet('probe');
const lines: string[] = [];
const progress = { line: (label: string, text: string) => void lines.push(`${label} ${text}`), warn: () => undefined };
const start = () => ensureServices({ set: 'probe', requireAll: true, progress });
const pids = () => parts.map((part) => readRecord(set, part)?.process);

let services: Services;

beforeAll(async () => {
  await resetServices('probe');
  services = await start();
}, 120_000);

afterAll(async () => {
  const left = pids();
  await services.stop();
  for (const id of left) expect(await isAlive(id)).toBe(false);
  await resetServices('probe');
  fs.rmSync(set.folder, { recursive: true, force: true });
}, 60_000);

async function sql<T extends pg.QueryResultRow>(text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: services.databaseUrl });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

test('all four are up, full mode, and a second start finds them instead of starting more', async () => {
  expect(services.mode).toEqual({ eventLog: 'kafka', jobQueue: 'redis' });
  expect((await serviceStatus('probe')).map(({ healthy }) => healthy)).toEqual([true, true, true, true]);
  const before = pids();
  services = await start();
  expect(pids()).toEqual(before);
}, 60_000);

test('a killed run: stale pids, a postmaster.pid that names a living stranger; the data is still there', async () => {
  await sql('create table kept (n int)');
  await sql('insert into kept values (42)');
  const before = pids();
  for (const id of before) signal(id!, 'SIGKILL');
  for (const id of before) while (await isAlive(id)) await new Promise((resolve) => setTimeout(resolve, 20));
  const pidFile = path.join(readRecord(set, 'postgres')!.folder!, 'data', 'postmaster.pid');
  fs.writeFileSync(pidFile, fs.readFileSync(pidFile, 'utf8').replace(/^\d+/, String(process.ppid)));
  services = await start();
  expect(await sql('select n from kept')).toEqual([{ n: 42 }]);
  for (const [i, id] of pids().entries()) expect(id).not.toEqual(before[i]);
}, 120_000);

test('a run killed before it could note the pids: what runs is found again, not doubled', async () => {
  const before = pids();
  for (const part of parts) {
    const { process: _forgotten, ...rest } = readRecord(set, part)!;
    writeRecord(set, part, rest);
  }
  services = await start();
  expect(pids()).toEqual(before);
}, 60_000);

test('a run killed while it started them: whoever comes next ends them', async () => {
  const before = pids();
  for (const part of parts) {
    const { owner: _unknown, ...rest } = readRecord(set, part)!;
    writeRecord(set, part, rest);
  }
  services = await start();
  expect(pids()).toEqual(before);
  await services.stop();
  for (const id of before) expect(await isAlive(id)).toBe(false);
}, 60_000);

test('a port taken by somebody else is stepped over, and theirs is left alone', async () => {
  const taken = readRecord(set, 'redis')!.port;
  const stranger = net.createServer();
  await new Promise<void>((resolve) => stranger.listen(taken, '127.0.0.1', resolve));
  try {
    services = await start();
    expect(services.redisUrl).not.toContain(String(taken));
    expect(stranger.listening).toBe(true);
  } finally {
    stranger.close();
  }
}, 120_000);

test('crash and restart of each, as fault runs do it', async () => {
  const doors = breaker('probe');
  await sql('insert into kept values (43)');
  await doors.crashPostgres();
  await expect(sql('select 1')).rejects.toThrow();
  await doors.startPostgres();
  expect(await sql('select n from kept order by n')).toEqual([{ n: 42 }, { n: 43 }]);
  await redisCall(services.redisUrl!, [['SET', 'a', 'b']]);
  await doors.flushRedis();
  expect(await redisCall(services.redisUrl!, [['GET', 'a']])).toEqual([null]);
  await doors.killKafka();
  await doors.startKafka(); // checks itself by a record produced and consumed
}, 120_000);

test('without java, mvn and redis-server: embedded mode, and the line that would change that', async () => {
  const usual = process.env['PATH'];
  process.env['PATH'] = path.dirname(process.execPath) === '/usr/bin' ? '/nonexistent' : path.dirname(process.execPath);
  try {
    const poor = await ensureServices({ set: 'probe', parts: ['kafka', 'redis'], progress });
    expect(poor.mode).toEqual({ eventLog: 'postgres', jobQueue: 'postgres' });
    expect(poor.missing.map(({ part }) => part).sort()).toEqual(['kafka', 'redis']);
    for (const { remedy } of poor.missing) expect(remedy).toMatch(/apt-get install|brew install/);
    await expect(ensureServices({ set: 'probe', parts: ['redis'], requireAll: true, progress })).rejects.toThrow(
      /redis-server is not on the PATH/,
    );
  } finally {
    process.env['PATH'] = usual;
  }
}, 60_000);
