import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { rebuild } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { Projecting } from './projecting.js';
import { publishTestRulebook } from './test-rulebook.js';

/** Real: PostgreSQL. */
let db: TestDatabase;
let projecting: Projecting;
beforeAll(async () => {
  db = await createTestDatabase();
  await publishTestRulebook(db.pool);
  projecting = new Projecting(db);
});
afterAll(async () => {
  await projecting.end();
  await db.drop();
});

test('the exchanged tables have the same columns, indexes, constraints and settings, and every column is one that is written', async () => {
  const shape = async () =>
    (
      await db.pool.query(
        `select indexdef as it from pg_indexes where schemaname = 'public'
          union all select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace
          union all select relname || ' ' || coalesce(reloptions::text, '') from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
          union all select table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') from information_schema.columns where table_schema = 'public'
          order by 1`,
      )
    ).rows as unknown;
  const before = await shape();
  await rebuild(projecting.pool, projecting.context);
  expect(await shape()).toEqual(before);
  const columns = async (table: string) =>
    (
      await db.pool.query<{ name: string }>(
        `select column_name as name from information_schema.columns where table_schema = 'public' and table_name = $1 order by ordinal_position`,
        [table],
      )
    ).rows.map(({ name }) => name);
  // a new column here is one that libs/projection/src/rebuild/merge-part.projection.ts has to write as well
  expect(await columns('lead')).toEqual([
    'id',
    'merged_into',
    'mixed',
    'version',
    'looked_at',
    'rulebook',
    'refold_pending',
    'next_change_at',
    'rank_hash',
    'state',
    'memory',
  ]);
  expect(await columns('lead_rank')).toEqual([
    'lead',
    'score',
    'engagement',
    'fit',
    'grade',
    'band',
    'temperature',
    'stage',
    'display_name',
    'company',
    'email',
    'visitor',
    'last_at',
    'score_day',
    'next_change_at',
    'account',
    'company_key',
  ]);
});
