import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Housekeeping } from '#libs/delivery';
import { createTestDatabase, type TestDatabase } from '#test/database';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterEach(async () => {
  await db.pool.query('truncate outbox, fact_outbox');
});
afterAll(async () => {
  await db.drop();
});

/** Made so many days ago, and done at once unless they wait. */
async function notices(name: string, count: number, ageDays: number, waits = false): Promise<void> {
  await db.pool.query(
    `insert into outbox (key, kind, name, lead, subject_key, event, payload, created_at, taken_at)
     select $1 || n, 'signal', $1, n, 'e:a@example.com', gen_random_uuid(), '{}', at, case when not $4 then at end
     from generate_series(1, $2::int) n, (select now() - $3::int * interval '1 day' as at) made`,
    [name, count, ageDays, waits],
  );
}
async function facts(name: string, count: number, ageDays: number, waits = false): Promise<void> {
  await db.pool.query(
    `insert into fact_outbox (event, record, created_at, sent_at)
     select gen_random_uuid(), to_jsonb($1::text), at, case when not $4 then at end
     from generate_series(1, $2::int), (select now() - $3::int * interval '1 day' as at) made`,
    [name, count, ageDays, waits],
  );
}
async function left(): Promise<Record<string, number>> {
  const { rows } = await db.pool.query<{ name: string; n: number }>(
    `select name, count(*)::int as n from (select name from outbox union all select record #>> '{}' from fact_outbox) as kept
     group by name order by name`,
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.n]));
}

test('what was taken or stated goes after its days, slice by slice; what waits and what is young stays', async () => {
  await notices('old', 700, 40);
  await notices('resting', 600, 40, true);
  await notices('old too', 700, 31);
  await notices('young', 20, 29);
  await facts('old fact', 900, 40);
  await facts('waiting fact', 3, 40, true);
  await facts('young fact', 20, 1);

  expect(await new Housekeeping(db.pool, 30).clean()).toBe(2_300);

  expect(await left()).toEqual({ resting: 600, 'waiting fact': 3, young: 20, 'young fact': 20 });
});

test('a notice that an operator holds stays until the next time', async () => {
  await notices('old', 3, 40);
  const operator = await db.pool.connect();
  await operator.query('begin');
  await operator.query("select id from outbox where key = 'old2' for update");

  expect(await new Housekeeping(db.pool, 30).clean()).toBe(2);

  await operator.query('rollback');
  operator.release();
  expect(await new Housekeeping(db.pool, 30).clean()).toBe(1);
  expect(await left()).toEqual({});
});
