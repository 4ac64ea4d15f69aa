import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLogger } from '#libs/platform';
import { PostgresLog, topics } from '#libs/event-log';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { Applied, record, until } from './event-log.applied.js';

let database: TestDatabase;
beforeAll(async () => void (database = await createTestDatabase()));
afterAll(() => database.drop());

test('the embedded log: consumers whose sessions are killed take their partitions again and miss nothing', async () => {
  const log = new PostgresLog({ url: database.url, retentionDays: 7 }, createLogger('test', 'silent'));
  const options = { group: 'killed', topics: [topics.urgent, topics.events], concurrency: 3, maxRecords: 100 };
  const applied = new Applied();
  try {
    await log.prepare();
    await log.consume(options, applied);
    for (let round = 1; round <= 3; round += 1) {
      const { acked } = await log.append(Array.from({ length: 200 }, (_, n) => record(`a:${n}`, `${round}-${n}`)));
      expect(acked.every(Boolean)).toBe(true);
      await until('a round', () => applied.seen.length === round * 200);
      const killed = await database.pool.query(
        `select pg_terminate_backend(pid) from (select distinct pid from pg_locks
         where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())) holders`,
      );
      expect(killed.rowCount).toBe(1);
    }
    expect(new Set(applied.values()).size).toBe(600);
  } finally {
    await log.close();
  }
});
