import pg from 'pg';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { topics, type EventLog } from '#libs/event-log';
import { recordOf } from '#libs/leads';
import { makeZone, type LeadEvent } from '#libs/leads/domain';
import { createLogger, createPool, eventIdOf, newId, type Pool } from '#libs/platform';
import {
  BatchProjection,
  createProjectionPool,
  defaultSettings,
  partitionHandlers,
  ProjectionContext,
} from '#libs/projection';
import { createTestDatabase, testServerUrl, type TestDatabase } from '#test/database';
import { until } from '#test/until';
import { testLog } from '../contract/collector-fixture.js';
import { canonicalLeads } from './projecting.js';
import { publishTestRulebook } from './test-rulebook.js';

const now = Date.now();
const logger = createLogger('test', 'silent');
const group = 'leadfold-projector';

/** Real: Kafka with its committed offsets, two PostgreSQL databases of which one is the other's copy of an earlier hour. */
let live: TestDatabase;
let log: EventLog;
const restoredName = `lf_test_${newId().replaceAll('-', '')}`;
const restoredUrl = (() => {
  const url = new URL(testServerUrl());
  url.pathname = `/${restoredName}`;
  return url.href;
})();
beforeAll(async () => {
  live = await createTestDatabase();
  await publishTestRulebook(live.pool);
  log = testLog();
  await log.prepare();
});
afterAll(async () => {
  await log?.close();
  await onServer(`drop database if exists ${restoredName} with (force)`);
  await live?.drop();
});

async function onServer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: testServerUrl() });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

const view = (name: string, index: number): LeadEvent => ({
  ...{ id: eventIdOf('test', name), type: 'page', source: 'test', email: `p${index % 7}@x.jp` },
  ...{ occurredAt: now - 60_000 + index, receivedAt: now, properties: { path: `/products/${index}` } },
});
const views = (prefix: string): LeadEvent[] =>
  Array.from({ length: 60 }, (_, index) => view(`${prefix}${index}`, index));
const append = async (events: LeadEvent[]): Promise<void> => {
  const { acked } = await log.append(events.map((event) => recordOf(event)));
  expect(acked.every(Boolean)).toBe(true);
};

/** A projector on this database until it has stored so many facts. */
async function projectUntil(url: string, facts: number): Promise<void> {
  const pool = createProjectionPool({ url, applicationName: 'leadfold-test-projector', max: 3 }, () => undefined);
  const batches = new BatchProjection(pool, new ProjectionContext(makeZone('Asia/Tokyo'), defaultSettings), logger);
  const consumer = await log.consume(
    { group, topics: [topics.urgent, topics.events], concurrency: 2, maxRecords: 2_000 },
    partitionHandlers(pool, batches, logger, () => undefined),
  );
  try {
    const stored = async () => (await pool.query(`select 1 from event where kind = 'behaviour'`)).rowCount!;
    await until(`${facts} facts are stored`, async () => (await stored()) >= facts, 60_000);
    expect(await stored()).toBe(facts);
  } finally {
    await consumer.stop();
    await pool.end();
  }
}

const counts = async (pool: Pool) =>
  (
    await pool.query(
      'select sum(stored)::int as stored, sum(consumed)::int as consumed, sum(next)::int as next from partition_offset',
    )
  ).rows[0] as object;

test('I13: a database restored from a backup, behind what the log says was read, goes back and loses nothing', async () => {
  await append(views('before'));
  await projectUntil(live.url, 60);
  // the backup: a copy of the whole database at this moment
  const [, name] = new URL(live.url).pathname.split('/');
  await onServer(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
  await onServer(`create database ${restoredName} template ${name}`);

  await append(views('after'));
  await projectUntil(live.url, 120);
  const restored = createPool({ url: restoredUrl, applicationName: 'leadfold-test', max: 2 }, () => undefined);
  try {
    expect(await counts(restored)).toEqual({ stored: 60, consumed: 60, next: 60 });
    // the same consumer group: the log would go on behind what the live one had read
    await projectUntil(restoredUrl, 120);
    expect(await counts(restored)).toEqual({ stored: 120, consumed: 120, next: 120 });
    expect(await canonicalLeads(restored)).toEqual(await canonicalLeads(live.pool));
  } finally {
    await restored.end();
  }
}, 180_000);
