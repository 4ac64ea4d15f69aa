import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { eventIdOf } from '#libs/platform';
import { createSource, createWriteKey } from '#libs/sources';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { makePlan } from '../../tools/faults/plan.js';
import { Recorder } from '../../tools/faults/recorder.js';
import { sendAll } from '../../tools/faults/senders.js';
import { choosePort } from '../../tools/services/ports.js';
import { live, liveUntil } from './lives.js';

let db: TestDatabase;
let folder: string;
let writeKey: string;

beforeEach(async () => {
  db = await createTestDatabase();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'leadfold-collector-'));
  await createSource(db.pool, { id: 'site', name: 'Site', actor: 'test' });
  writeKey = (await createWriteKey(db.pool, { source: 'site', actor: 'test' })).key;
});
afterEach(async () => {
  await db.drop();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function onTheLog(): Promise<Map<string, number>> {
  const { rows } = await db.pool.query<{ id: string; n: number }>(
    "select headers->>'ce_id' as id, count(*)::int as n from log_record group by 1",
  );
  return new Map(rows.map(({ id, n }) => [id, n]));
}

for (const [failpoint, moment] of [
  ['collector.before_append', 'before the log has it'],
  ['collector.after_append', 'when the log has it and the client does not know'],
] as const)
  test(`I1, I2, I3: killed again and again ${moment}, the collector loses nothing that it answered for`, async () => {
    const port = await choosePort(24_900);
    const env = {
      DATABASE_URL: db.url,
      EVENT_LOG: 'postgres',
      COLLECTOR_PORT: String(port),
      COLLECTOR_CACHE_DIR: folder,
      TRACKING_SECRET: 'a secret of the tests, long enough for the schema',
      FAILPOINT: `${failpoint}:6`,
    };
    const recorder = new Recorder();
    const { items } = makePlan({ seed: 3, leads: 30, events: 400, duplicates: 0.1, outOfOrder: 0.1 });
    let sent = false;
    const senders = sendAll(items, {
      collectorUrl: `http://127.0.0.1:${port}`,
      writeKey,
      senders: 3,
      rate: () => 10_000,
      seed: 3,
      recorder,
      signal: AbortSignal.timeout(120_000),
    }).then(() => (sent = true));
    const deaths = await liveUntil(
      () => live('collector', env),
      async () => sent,
    );
    await senders;

    expect(deaths).toBeGreaterThanOrEqual(2);
    const stored = await onTheLog();
    const accepted = recorder.acceptedIds().map((messageId) => eventIdOf('site', messageId));
    expect(accepted).toHaveLength(400);
    expect(accepted.filter((id) => !stored.has(id))).toEqual([]);
    // what a death made the client send again lies there more than once, under one id: the fold takes one
    const doubled = [...stored.values()].filter((count) => count > 1).length;
    if (failpoint === 'collector.after_append') expect(doubled).toBeGreaterThan(0);
    expect([...stored.keys()].sort()).toEqual([...new Set(accepted)].sort());
  }, 150_000);
