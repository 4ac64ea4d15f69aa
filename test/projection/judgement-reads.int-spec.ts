import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalLead, makeZone, type LeadEvent } from '#libs/leads/domain';
import { eventIdOf } from '#libs/platform';
import { readLead, verify } from '#libs/projection';
import type { TestDatabase } from '#test/database';
import { histories, testSignals } from '../oracle/histories.js';
import { naiveFold } from '../oracle/naive-fold.js';
import { canonicalLeads, emptyTables, Projecting } from './projecting.js';
import { eventsAt, stageProjection } from './stage.js';

const now = Date.now();
const day = 86_400_000;
const days = 500;
const perDay = 100;
const seed = Number(process.env['FC_SEED'] ?? 20_260_121);
const numRuns = Number(process.env['FC_RUNS'] ?? 60);

/** Real: PostgreSQL, which itself counts the rows of `event` that are read. A person of 50,000 and a browser of 8,000 events. */
let db: TestDatabase;
let projecting: Projecting;
stageProjection((staged) => ({ db, projecting } = staged));

const event = eventsAt(now);
const views = (prefix: string, fields: Partial<LeadEvent>, count = days * perDay): LeadEvent[] =>
  Array.from({ length: count }, (_, index) =>
    event(`${prefix}${index}`, { occurredAt: now - (1 + (index % days)) * day - index, ...fields }),
  );
const click = (name: string, fields: Partial<LeadEvent>): LeadEvent =>
  event(name, { type: 'track', name: 'Email Clicked', occurredAt: now - 20 * day, ...fields });
const judged = (target: string, type: 'verdict' | 'retraction', name: string, at = now): LeadEvent =>
  event(`${type} ${name} ${target} ${at}`, {
    type,
    name,
    refersTo: eventIdOf('test', target),
    occurredAt: at,
    properties: {},
  });
const applyAll = async (events: LeadEvent[]): Promise<void> => {
  for (let from = 0; from < events.length; from += 5_000) await projecting.apply(events.slice(from, from + 5_000));
};

/** Rows of `event` that the server fetched while `work` went on. */
async function rowsRead(work: () => Promise<void>): Promise<number> {
  const fetched = async (): Promise<number> => {
    const client = await projecting.pool.connect();
    await client.query('select pg_stat_force_next_flush()');
    const { rows } = await client.query<{ read: number }>(
      `select coalesce(idx_tup_fetch, 0) + seq_tup_read as read from pg_stat_user_tables where relname = 'event'`,
    );
    client.release();
    return rows[0]!.read;
  };
  await fetched();
  const before = await fetched();
  await work();
  await fetched();
  return (await fetched()) - before;
}

const bounded = 2 * perDay + 100;
const exact = async () =>
  expect(await verify(projecting.pool, projecting.context)).toMatchObject({
    differences: [],
    pending: [],
    identityDifferences: 0,
  });

test('I8: a verdict, its revision and a withdrawal read a day of a lead with 50,000 events, not the lead', async () => {
  await applyAll(views('v', { userId: 'main:1' }));
  await projecting.apply([
    click('click', { userId: 'main:1' }),
    event('who', {
      type: 'identify',
      links: true,
      userId: 'main:1',
      occurredAt: now - 400 * day,
      properties: {},
      traits: { company: 'Alpha' },
    }),
    event('who later', {
      type: 'identify',
      links: true,
      userId: 'main:1',
      occurredAt: now - 30 * day,
      properties: {},
      traits: { company: 'Beta' },
    }),
  ]);
  const company = async () => (await readLead(db.pool, { key: 'u:main:1' }))!.state.profile['company.name']?.value;
  const reads = {
    human: await rowsRead(() => projecting.apply([judged('click', 'verdict', 'human', now - 3)])),
    machine: await rowsRead(() => projecting.apply([judged('click', 'verdict', 'machine', now - 2)])),
    humanAgain: await rowsRead(() => projecting.apply([judged('click', 'verdict', 'human', now - 1)])),
    withdrawnView: await rowsRead(() => projecting.apply([judged('v7', 'retraction', 'withdrawn', now - 2)])),
    restoredView: await rowsRead(() => projecting.apply([judged('v7', 'retraction', 'restored', now - 1)])),
  };
  process.stdout.write(`events read: ${JSON.stringify(reads)}\n`);
  for (const [what, read] of Object.entries(reads)) expect({ what, few: read <= bounded }).toEqual({ what, few: true });
  expect((await readLead(db.pool, { key: 'u:main:1' }))!.refoldPending).toBe(false);

  expect(await company()).toBe('Beta');
  await projecting.apply([judged('who later', 'retraction', 'withdrawn', now - 2)]);
  expect(await company()).toBe('Alpha');
  await projecting.apply([judged('who later', 'retraction', 'restored', now - 1)]);
  expect(await company()).toBe('Beta');
  // the first and the last event of all, too
  await projecting.apply([
    judged(`v${days * perDay - 1}`, 'retraction', 'withdrawn'),
    judged('v0', 'retraction', 'withdrawn'),
  ]);
  await exact();
  // the control: what a whole refold reads
  expect(await rowsRead(exact)).toBeGreaterThan(days * perDay);
}, 120_000);

test('I8: a visitor of 8,000 events who identifies himself is added: nothing of his past is read', async () => {
  await applyAll([...views('v', { anonymousId: 'b' }, 8_000), ...views('p', { userId: 'main:1' }, 8_000)]);
  const identify = (name: string, at: number, userId = 'main:1', anonymousId = 'b') =>
    event(name, { type: 'identify', links: true, anonymousId, userId, occurredAt: at, properties: {} });
  const reads = {
    first: await rowsRead(() => projecting.apply([identify('first', now - 5 * day)])),
    // late, but by whom it is already: nothing moves
    lateSame: await rowsRead(() => projecting.apply([identify('late same', now - 300 * day)])),
    // another person, after everything that is stored: nothing lies between
    afterAll: await rowsRead(() => projecting.apply([identify('after all', now, 'main:2')])),
  };
  process.stdout.write(`events read: ${JSON.stringify(reads)}\n`);
  for (const [what, read] of Object.entries(reads)) expect({ what, few: read <= 20 }).toEqual({ what, few: true });
  // the control: another person in the middle takes stored events away, so both owners are refolded
  const between = await rowsRead(() => projecting.apply([identify('between', now - 250 * day, 'main:3')]));
  expect(between).toBeGreaterThan(8_000);
  await exact();
}, 120_000);

test('I8: any judgements, one batch each or together, leave what the naive fold says, by cells alone', async () => {
  let judgements = 0;
  await fc.assert(
    fc.asyncProperty(histories(14, 18), fc.boolean(), async ({ events, zone, keyLimit, browserLimit }, together) => {
      await emptyTables(db.pool);
      const folding = new Projecting(db, zone, { keyLimit, browserLimit });
      try {
        const isFact = (one: LeadEvent): boolean => one.refersTo === undefined;
        await folding.apply(events.filter(isFact));
        const later = events.filter((one) => !isFact(one));
        for (const batch of together ? [later] : later.map((one) => [one]))
          if (batch.length > 0) await folding.apply(batch);
        judgements += later.length;
        const expected = [...naiveFold(events, testSignals, makeZone(zone), { keyLimit, browserLimit })];
        expect(await canonicalLeads(db.pool)).toEqual(
          expected.map(([keys, state]) => canonicalLead([keys], state)).sort(),
        );
      } finally {
        await folding.end();
      }
    }),
    { seed, numRuns },
  );
  expect(judgements).toBeGreaterThan(numRuns);
}, 180_000);
