import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventIdOf } from '#libs/platform';
import { createWriteKey, revokeWriteKey } from '#libs/sources';
import { until } from '#test/until';
import { postgresUrl, startPostgres, stopPostgres } from '../../tools/services/postgres.js';
import { serviceSet, type PartRecord, type ServiceSet } from '../../tools/services/service-set.js';
import { post, startCollector, type CollectorUnderTest } from './collector-fixture.js';

const silent = { line: () => undefined, warn: () => undefined };
let set: ServiceSet;
let server: PartRecord;
let collector: CollectorUnderTest | undefined;

beforeAll(async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'own-postgres-'));
  // PostgreSQL runs as another user when we are root
  fs.chmodSync(folder, 0o755);
  const usual = serviceSet('probe');
  set = { ...usual, folder, durable: true, ports: { ...usual.ports, postgres: 26_300 } };
  server = await startPostgres(set, silent);
  process.env['TEST_DATABASE_URL'] = postgresUrl(server);
  collector = await startCollector();
}, 90_000);
afterAll(async () => {
  server = await startPostgres(set, silent);
  await collector?.stop();
  await stopPostgres(server);
  fs.rmSync(server.folder!, { recursive: true, force: true });
  fs.rmSync(set.folder, { recursive: true, force: true });
}, 60_000);

test('PostgreSQL dies under a running collector: it goes on collecting; a key revoked afterwards is refused within 10 s', async () => {
  const { url, pool, stored } = collector!;
  const { key } = await createWriteKey(pool, { source: 'site', actor: 'test' });
  const accepted: string[] = [];
  let sent = 0;
  const send = async (headers: Record<string, string> = {}) => {
    const messageId = `m-${(sent += 1)}`;
    const answer = await post(`${url}/v1/track`, { event: 'Viewed', anonymousId: 'a1', messageId }, headers);
    await answer.arrayBuffer();
    if (answer.status === 200) accepted.push(eventIdOf('site', messageId));
    return answer.status;
  };
  const second = { authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` };
  await until('the second key is known', async () => (await send(second)) === 200);

  await stopPostgres(server, 'immediate');
  await expect(pool.query('select 1')).rejects.toThrow();
  // longer than the list is read again and again
  for (const end = performance.now() + 8_000; performance.now() < end; ) {
    const at = performance.now();
    expect([await send(), await send(second)]).toEqual([200, 200]);
    expect(performance.now() - at).toBeLessThan(3_000);
  }
  expect(await send({ authorization: `Basic ${Buffer.from('nobody:').toString('base64')}` })).toBe(401);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);

  server = await startPostgres(set, silent);
  expect(await revokeWriteKey(pool, { key, actor: 'test' })).toBe(true);
  const revokedAt = performance.now();
  await until('the revoked key is refused', async () => (await send(second)) === 401);
  expect(performance.now() - revokedAt).toBeLessThan(10_000);
  expect(await send()).toBe(200);
  const found = new Set((await stored()).map(({ event }) => event.id));
  expect(accepted.length).toBeGreaterThanOrEqual(20);
  expect(accepted.filter((id) => !found.has(id))).toEqual([]);
}, 90_000);
