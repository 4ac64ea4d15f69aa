import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventIdOf, newId } from '#libs/platform';
import { createSource, createWriteKey } from '#libs/sources';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { until } from '#test/until';
import { choosePort } from '../../tools/services/ports.js';
import { live } from '../faults/lives.js';
import { readLog, testLog } from './collector-fixture.js';
import { deleteTopics } from './kafka-topics.js';

let db: TestDatabase;
let folder: string;
beforeAll(async () => {
  db = await createTestDatabase();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'collector-stop-'));
});
afterAll(async () => {
  await db.drop();
  fs.rmSync(folder, { recursive: true, force: true });
});

interface Request {
  ids: string[];
  sentAt: number;
  outcome?: number | 'no answer';
}

test('I28: SIGTERM under load: what was under way is answered with success, and all of it is on the log', async () => {
  const brokers = process.env['TEST_KAFKA_BROKERS'];
  if (!brokers) throw new Error('No Kafka for this test: run it through `npm test`, or set TEST_KAFKA_BROKERS.');
  await createSource(db.pool, { id: 'site', name: 'Site', actor: 'test' });
  const { key } = await createWriteKey(db.pool, { source: 'site', actor: 'test' });
  const prefix = `stop-${newId()}.`;
  const port = await choosePort(24_950);
  const env = { KAFKA_BROKERS: brokers, KAFKA_TOPIC_PREFIX: prefix, EVENT_LOG: 'kafka' };
  const life = live('collector', {
    ...env, DATABASE_URL: db.url, COLLECTOR_PORT: String(port), COLLECTOR_CACHE_DIR: folder,
    TRACKING_SECRET: 'a secret of the tests, long enough for the schema',
  });
  const url = `http://127.0.0.1:${port}`;
  const requests: Request[] = [];
  let loading = true;
  try {
    await until('the collector is ready', () => fetch(`${url}/readyz`).then(({ ok }) => ok, () => false), 60_000);
    const clients = Array.from({ length: 16 }, async (_, client) => {
      for (let n = 0; loading; n += 1) {
        const ids = Array.from({ length: 50 }, (_, m) => `${client}-${n}-${m}`);
        const batch = ids.map((messageId) => ({ type: 'track', event: 'Viewed', anonymousId: `a${client}`, messageId }));
        const request: Request = { ids, sentAt: performance.now() };
        requests.push(request);
        const headers = { authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` };
        request.outcome = await fetch(`${url}/v1/batch`, { method: 'POST', headers, body: JSON.stringify({ batch }) }).then(
          async (answer) => (await answer.arrayBuffer(), answer.status),
          () => 'no answer' as const,
        );
        if (request.outcome !== 200) await delay(20);
      }
    });
    await until('it is under load', () => requests.filter(({ outcome }) => outcome === 200).length >= 300, 60_000);
    const open = () => requests.filter(({ outcome }) => outcome === undefined);
    await until('many are under way', () => open().length >= 8);
    const underWay = open();
    const sentBefore = performance.now();
    // its bytes are in the collector's socket by now
    await delay(5);
    life.kill('SIGTERM');
    expect(await life.ended).toBe('exit code 0');
    loading = false;
    await Promise.all(clients);

    const accepted = requests.filter(({ outcome }) => outcome === 200);
    expect(underWay.length).toBeGreaterThanOrEqual(8);
    expect(underWay.map(({ outcome }) => outcome)).toEqual(underWay.map(() => 200));
    // a request that met the closing door is told to come again, or finds nobody
    const late = requests.filter(({ outcome, sentAt }) => outcome !== 200 && sentAt < sentBefore);
    expect(late).toEqual([]);
    expect(requests.every(({ outcome }) => outcome === 200 || outcome === 503 || outcome === 'no answer')).toBe(true);

    const log = testLog(env);
    const stored = new Set((await readLog(log)).map(({ event }) => event.id));
    await log.close();
    const ids = accepted.flatMap((request) => request.ids).map((messageId) => eventIdOf('site', messageId));
    expect(ids.length).toBeGreaterThanOrEqual(15_000);
    expect(ids.filter((id) => !stored.has(id))).toEqual([]);
  } finally {
    loading = false;
    life.kill('SIGKILL');
    await life.ended;
    await deleteTopics(brokers, [prefix]);
  }
}, 150_000);
