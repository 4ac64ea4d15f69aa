import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { migrations } from '#migrations';
import { missingMigrations, refuseUnprepared } from '#libs/platform';
import { createTestDatabase, type TestDatabase } from '#test/database';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

test('a migrated database lacks nothing', async () => {
  expect(await missingMigrations(database.pool, migrations)).toEqual([]);
});

test('a process refuses a database that lacks a migration, by its name', async () => {
  class NotYetRun1999999999999 {
    name = 'NotYetRun1999999999999';
  }
  const needs = { migrations: [...migrations, NotYetRun1999999999999], drivenClock: false };
  await expect(refuseUnprepared(database.pool, needs)).rejects.toThrow('NotYetRun1999999999999');
  await expect(refuseUnprepared(database.pool, { ...needs, migrations })).resolves.toBeUndefined();
});

test('S10: the audit log cannot be changed, deleted or truncated', async () => {
  await database.pool.query("insert into audit_log (actor, action, target) values ('a', 'b', 'c')");
  await expect(database.pool.query("update audit_log set actor = 'x'")).rejects.toThrow('append-only');
  await expect(database.pool.query('delete from audit_log')).rejects.toThrow('append-only');
  await expect(database.pool.query('truncate audit_log')).rejects.toThrow('append-only');
});
