import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson, canonicalLead, makeZone, type LeadMemory, type LeadState } from '#libs/leads/domain';
import { rebuild, sweepJudgements, verify } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { histories, testSignals, type History } from '../oracle/histories.js';
import { naiveFold } from '../oracle/naive-fold.js';
import { canonicalLeads, emptyTables, Projecting } from './projecting.js';
import { publishTestRulebook } from './test-rulebook.js';

const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2_147_483_647);
const numRuns = Number(process.env['FC_RUNS'] ?? 60);

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await publishTestRulebook(db.pool);
});
afterAll(() => db.drop());

const expected = ({ events, zone, keyLimit, browserLimit }: History): string[] =>
  [...naiveFold(events, testSignals, makeZone(zone), { keyLimit, browserLimit })]
    .map(([keys, state]) => canonicalLead([keys], state))
    .sort();

test('I8: what PostgreSQL holds equals the naive fold, for shuffled, doubled and re-batched histories', async () => {
  await fc.assert(
    fc.asyncProperty(histories(), async (history) => {
      await emptyTables(db.pool);
      const projecting = new Projecting(db, history.zone, {
        keyLimit: history.keyLimit,
        browserLimit: history.browserLimit,
      });
      try {
        for (const batch of history.arrivals) await projecting.apply(batch);
        expect(await canonicalLeads(db.pool)).toEqual(expected(history));
        expect(await verify(projecting.pool, projecting.context)).toMatchObject({
          differences: [],
          pending: [],
          identityDifferences: 0,
        });
      } finally {
        await projecting.end();
      }
    }),
    { seed, numRuns },
  );
}, 120_000);

test('I8: partitions applied at the same time by three projectors give the same leads, without a deadlock left over', async () => {
  await fc.assert(
    fc.asyncProperty(histories(24, 10), async (history) => {
      await emptyTables(db.pool);
      const projectors = [0, 1, 2].map(
        () => new Projecting(db, history.zone, { keyLimit: history.keyLimit, browserLimit: history.browserLimit }),
      );
      try {
        await Promise.all(
          projectors.map(async (projecting, index) => {
            for (const [at, batch] of history.arrivals.entries())
              if (at % 3 === index) await projecting.apply(batch, index);
          }),
        );
        await sweepJudgements(projectors[0]!.pool, projectors[0]!.context);
        expect(await canonicalLeads(db.pool)).toEqual(expected(history));
      } finally {
        await Promise.all(projectors.map((projecting) => projecting.end()));
      }
    }),
    { seed, numRuns },
  );
}, 120_000);

test('I9: whatever happened, state and memory are what events and decisions say: both deleted, a rebuild restores them', async () => {
  await fc.assert(
    fc.asyncProperty(histories(), async (history) => {
      await emptyTables(db.pool);
      const projecting = new Projecting(db, history.zone, {
        keyLimit: history.keyLimit,
        browserLimit: history.browserLimit,
      });
      // nobody leaves the first stage without a record, and no stage is the first one; a rebuild may mint a key that no fact has
      const roots = async (upTo = 1e9): Promise<string> =>
        canonicalJson(
          (
            await db.pool.query<{ id: number; state: LeadState; memory: LeadMemory }>(
              'select id, state, memory from lead where merged_into is null and not mixed and id <= $1 order by id',
              [upTo],
            )
          ).rows.map((row) => ({ ...row, memory: { ...row.memory, stage: row.memory.stage ?? 'visitor' } })),
        );
      const decided = async () =>
        (await db.pool.query(`select id from event where kind = 'decision' order by id`)).rows as unknown;
      try {
        for (const batch of history.arrivals) await projecting.apply(batch);
        const before = { roots: await roots(), decided: await decided() };
        const greatest = (await db.pool.query<{ id: number }>('select coalesce(max(id), 0) as id from lead')).rows[0]!
          .id;
        await db.pool.query(
          `update lead set state = '{"profile":{},"consent":{},"counters":{}}', memory = '{"hot":false,"armed":true,"epoch":0,"stage":null,"segments":[]}'`,
        );
        await rebuild(projecting.pool, projecting.context);
        expect(await roots(greatest)).toBe(before.roots);
        expect(await decided()).toEqual(before.decided);
      } finally {
        await projecting.end();
      }
    }),
    { seed, numRuns: Math.ceil(numRuns / 2), interruptAfterTimeLimit: 110_000, markInterruptAsFailure: true },
  );
}, 120_000);
