import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { migrations } from '#migrations';
import { missingMigrations } from '#libs/platform';
import { createTestDatabase, type TestDatabase } from '#test/database';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

test('a migrated database lacks nothing', async () => {
  expect(
    await missingMigrations(
      database.pool,
      migrations.map((m) => new m()),
    ),
  ).toEqual([]);
});

test('S10: the audit log cannot be changed, deleted or truncated', async () => {
  await database.pool.query("insert into audit_log (actor, action, target) values ('a', 'b', 'c')");
  await expect(database.pool.query("update audit_log set actor = 'x'")).rejects.toThrow('append-only');
  await expect(database.pool.query('delete from audit_log')).rejects.toThrow('append-only');
  await expect(database.pool.query('truncate audit_log')).rejects.toThrow('append-only');
});
