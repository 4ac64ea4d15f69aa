import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { rebuild, readLead, verify } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { histories } from '../oracle/histories.js';
import { canonicalLeads, emptyTables, Projecting } from '../projection/projecting.js';
import { publishTestRulebook } from '../projection/test-rulebook.js';
import { erase, ingestSums } from './erasing.js';

const seed = Number(process.env['FC_SEED'] ?? 20_261_121);
const numRuns = Number(process.env['FC_RUNS'] ?? 60);

/** Real: PostgreSQL. Histories with shared browsers, merges, un-merges, apart pairs and key limits. */
let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await publishTestRulebook(db.pool);
});
afterAll(() => db.drop());

/** Whom a caller may name: not a browser that several people use, or so many that it is nobody's. */
async function anybody(pick: number): Promise<number | undefined> {
  const { rows } = await db.pool.query<{ id: number }>(
    `select id from lead where merged_into is null and not mixed and not exists (
        select 1 from subject_key k join skipped_identification s on k.key = 'a:' || s.anon where k.lead = lead.id) order by id`,
  );
  return rows[pick % rows.length]?.id;
}

async function whereNamed(keys: readonly string[]): Promise<object[]> {
  const strong = keys.filter((key) => !key.startsWith('a:'));
  const { rows } = await db.pool.query<object>(
    `select 'event' as at, id::text from event where uid = any($2) or email = any($2) or body->>'otherKey' = any($1)
        or (uid is null and email is null and anon = any($3))
      union all select 'subject_key', key from subject_key where key = any($1)
      union all select 'identification', anon from identification where strong = any($1)
      union all select 'skipped_identification', anon from skipped_identification where strong = any($1)
      union all select 'link', event::text from link where a = any($1) or b = any($1)
      union all select 'apart', event::text from apart where a = any($1) or b = any($1)
      union all select 'outbox', key from outbox where subject_key = any($1)`,
    [keys, strong.map((key) => key.slice(2)), keys.filter((key) => key.startsWith('a:')).map((key) => key.slice(2))],
  );
  return rows;
}

test('S11, I4: anybody can be erased; others stay as their events say, and reading the log again brings nobody back', async () => {
  let erased = 0;
  await fc.assert(
    fc.asyncProperty(histories(20, 10), fc.nat(), async (history, pick) => {
      await emptyTables(db.pool);
      await db.pool.query('truncate erased_key, erasure cascade');
      const projecting = new Projecting(db, history.zone, {
        keyLimit: history.keyLimit,
        browserLimit: history.browserLimit,
      });
      const consistent = async () => {
        expect(await verify(projecting.pool, projecting.context)).toMatchObject({
          differences: [],
          pending: [],
          identityDifferences: 0,
        });
        const sums = await ingestSums(db.pool);
        expect(sums['consumed']).toBe(sums['stored']! + sums['quarantined']! + sums['duplicates']! + sums['dropped']!);
        expect(sums['stored']).toBe(sums['inEvent']! + sums['erasedFacts']!);
      };
      try {
        for (const batch of history.arrivals) await projecting.apply(batch);
        const id = await anybody(pick);
        if (id === undefined) return;
        const { keys } = (await readLead(db.pool, { id }))!;
        const proof = await erase(projecting, { id });
        erased += 1;
        expect(await whereNamed(keys)).toEqual([]);
        expect(await readLead(db.pool, { id })).toBeUndefined();
        await consistent();
        const others = await canonicalLeads(db.pool);

        for (const batch of history.arrivals) await projecting.apply(batch, 1);
        expect(await whereNamed(keys)).toEqual([]);
        expect(await canonicalLeads(db.pool)).toEqual(others);
        await consistent();
        // I10, and asked again it is the same proof
        expect(await rebuild(projecting.pool, projecting.context)).toMatchObject({ corrected: 0, relinked: 0 });
        expect(await erase(projecting, { id })).toEqual(proof);
      } finally {
        await projecting.end();
      }
    }),
    { seed, numRuns },
  );
  expect(erased).toBeGreaterThan(numRuns / 2);
}, 180_000);
