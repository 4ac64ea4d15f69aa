import { beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson, type LeadEvent } from '#libs/leads/domain';
import { eventIdOf, inTransaction } from '#libs/platform';
import {
  abandonRebuild,
  forgetInRebuild,
  publish,
  readLead,
  rebuild,
  rebuildStatus,
  reviewOlderRulebook,
  saveVersion,
  verify,
  type RebuildReport,
} from '#libs/projection';
import type { TestDatabase } from '#test/database';
import { histories } from '../oracle/histories.js';
import { canonicalLeads, emptyTables, Projecting } from './projecting.js';
import { testRulebook } from './test-rulebook.js';
import { stageProjection } from './stage.js';

const now = Date.now();
const seed = Number(process.env['FC_SEED'] ?? 4_711);
const numRuns = Number(process.env['FC_RUNS'] ?? 15);

/** Real: PostgreSQL. */
let db: TestDatabase;
let projecting: Projecting;
let version: number;
stageProjection((staged) => ({ db, projecting, rulebook: version } = staged));
beforeEach(async () => {
  await db.pool.query(
    `insert into listener values ('crossing', 'hot', 'test'), ('signal', 'viewed-product', 'test') on conflict do nothing`,
  );
  await publish(db.pool, version, 'test');
});

const event = (name: string, fields: Partial<LeadEvent> = {}): LeadEvent => ({
  id: eventIdOf('test', name),
  type: 'page',
  source: 'test',
  occurredAt: now - 60_000,
  receivedAt: now,
  properties: { path: `/products/${name}` },
  ...fields,
});
const views = (prefix: string, count: number, fields: Partial<LeadEvent>) =>
  Array.from({ length: count }, (_, index) => event(`${prefix}${index}`, fields));

/**
 * Everything that is derived, whatever order its members are stored in, but for what says when something was written: a rank
 * keeps its last instant until something else of it changes, one without an event lingers, and who is who is dated by its event.
 */
async function derived(): Promise<string[]> {
  const { rows } = await db.pool.query<{ row: object }>(
    `select jsonb_build_object('id', l.id, 'root', l.merged_into, 'mixed', l.mixed, 'state', case when l.merged_into is null then l.state::jsonb end,
        'memory', case when l.merged_into is null and not l.mixed then l.memory::jsonb end, 'rank', case when l.state::jsonb ? 'lastAt' then to_jsonb(k) - '{next_change_at,last_at}'::text[] end) as row from lead l left join lead_rank k on k.lead = l.id
      union all select to_jsonb(k) - 'batch' from link k where state <> 'withdrawn' union all select to_jsonb(i) - 'batch' from identification i
      union all select to_jsonb(i) - 'batch' || '{"skipped": true}' from skipped_identification i
      union all select to_jsonb(p) - 'batch' from apart p union all select to_jsonb(u) - 'since' from unapplied_judgement u`,
  );
  return rows.map(({ row }) => canonicalJson(row)).sort();
}

const told = async () =>
  (
    await db.pool.query(
      `select (select count(*) from outbox) as outbox, (select count(*) from delivery) as deliveries,
        (select count(*) from event) as events, (select count(*) from run) as runs, (select json_object_agg(key, lead) from subject_key) as ids`,
    )
  ).rows[0] as object;

/** Reads all there is, then stops before it swaps. */
const begun = async (): Promise<void> => {
  let read = false;
  const stopping = rebuild(projecting.pool, projecting.context, {
    stopped: () => read,
    onProgress: ({ step }) => (read ||= step === 'writing leads' || step === 'indexing'),
  });
  await expect(stopping).rejects.toMatchObject({ code: 'rebuild-stopped' });
};

const sound = async () =>
  expect(await verify(projecting.pool, projecting.context)).toMatchObject({
    differences: [],
    identityDifferences: 0,
    pending: [],
  });

/** What the live projection was right about, the new one says as well: states, memory, ranks, ids, who is who. */
async function swapsToTheSame(): Promise<RebuildReport> {
  const before = { derived: await derived(), told: await told() };
  const report = await rebuild(projecting.pool, projecting.context);
  expect({ derived: await derived(), told: await told() }).toEqual(before);
  await sound();
  expect(await rebuildStatus(projecting.pool)).toBeUndefined();
  return report;
}

test('I10: whatever comes between the reading and the swap, the new projection is what the live one is, and nothing is told twice', async () => {
  await fc.assert(
    fc.asyncProperty(histories(), fc.nat(), async (history, at) => {
      await emptyTables(db.pool);
      await projecting.end();
      projecting = new Projecting(db, history.zone, { keyLimit: history.keyLimit, browserLimit: history.browserLimit });
      const first = at % (history.arrivals.length + 1);
      for (const batch of history.arrivals.slice(0, first)) await projecting.apply(batch);
      await begun();
      for (const batch of history.arrivals.slice(first)) await projecting.apply(batch);
      await swapsToTheSame();
    }),
    { seed, numRuns, interruptAfterTimeLimit: 100_000, markInterruptAsFailure: true },
  );
}, 120_000);

test('I10: batches go on while it reads, writes and swaps', async () => {
  for (let batch = 0; batch < 5; batch += 1)
    await projecting.apply(views(`a${batch}-`, 40, { email: `p${batch}@x.jp` }));
  let over = false;
  const rebuilding = rebuild(projecting.pool, projecting.context).finally(() => (over = true));
  const live = new Projecting(db);
  let batches = 0;
  while (!over || batches < 10) {
    const who = { email: `p${batches % 7}@x.jp`, userId: `main:${batches % 3}`, anonymousId: `b${batches % 5}` };
    const says = event(`who${batches}`, { type: 'identify', links: true, properties: {}, ...who });
    await live.apply([...views(`b${batches}-`, 20, { anonymousId: `b${batches % 5}` }), says], 1);
    batches += 1;
  }
  const report = await rebuilding;
  await live.end();
  expect(report.events).toBeGreaterThanOrEqual(200);
  await sound();
  await swapsToTheSame();
}, 60_000);

test('I10: a merge, an un-merge and judgements in the middle are taken in', async () => {
  const clicked = event('click', {
    type: 'track',
    name: 'Email Clicked',
    email: 'a@x.jp',
    anonymousId: 'c',
    properties: {},
  });
  const early = event('early', {
    type: 'retraction',
    name: 'withdrawn',
    refersTo: eventIdOf('test', 'late'),
    properties: {},
  });
  await projecting.apply([
    ...views('hot', 8, { email: 'a@x.jp' }),
    ...views('b', 3, { email: 'b@x.jp' }),
    clicked,
    early,
  ]);
  await projecting.apply([...views('lone', 4, { anonymousId: 'c' }), ...views('old', 2, { email: 'd@x.jp' })]);
  const merged = event('merge-1', { type: 'merge', email: 'd@x.jp', otherKey: 'e:b@x.jp', properties: {} });
  await projecting.apply([merged]);
  await begun();
  await projecting.apply([
    event('merge-2', { type: 'merge', email: 'a@x.jp', otherKey: 'e:b@x.jp', properties: {} }),
    event('unmerge', { type: 'unmerge', refersTo: merged.id, properties: {} }),
  ]);
  await projecting.apply([
    event('human', { type: 'verdict', name: 'human', refersTo: clicked.id, properties: {} }),
    event('gone', { type: 'retraction', name: 'withdrawn', refersTo: eventIdOf('test', 'hot0'), properties: {} }),
    event('late', { email: 'a@x.jp' }),
  ]);
  expect(await swapsToTheSame()).toMatchObject({ corrected: 0, relinked: 0 });
  expect((await readLead(db.pool, { key: 'a:c' }))!.keys).toEqual(['a:c', 'e:a@x.jp', 'e:b@x.jp']);
});

test('I9, I10: what is decided in the batch that first links two keys is remembered by whom the link makes one', async () => {
  await projecting.apply(views('a', 3, { userId: 'main:1', anonymousId: 'b' }));
  await begun();
  const form = { type: 'track', links: true, userId: 'main:1', email: 'a@x.jp', anonymousId: 'b' } as const;
  await projecting.apply([
    event('form', { ...form, name: 'Material Requested', properties: {} }),
    ...views('more', 9, { userId: 'main:1' }),
  ]);
  expect((await readLead(db.pool, { key: 'e:a@x.jp' }))!.memory.revision).toBeGreaterThan(0);
  await swapsToTheSame();
});

test('I10: a publish in the middle: leads are derived anew under the new rulebook after the swap, quietly', async () => {
  await projecting.apply(views('a', 4, { email: 'a@x.jp' }));
  await begun();
  const { signals } = testRulebook();
  const changes = {
    signals: { ...signals, 'any-page': { event: 'page' } },
    hot: { pages: { signal: 'any-page', count: { gte: 4 } } },
  };
  await publish(db.pool, await saveVersion(db.pool, testRulebook(changes as never), 'test'), 'test');
  await projecting.apply(views('b', 4, { email: 'b@x.jp' }));
  await rebuild(projecting.pool, projecting.context);
  while ((await reviewOlderRulebook(projecting.pool, projecting.context)) > 0);
  await sound();
  const decisions = await db.pool.query(
    `select email, body->>'cause' as cause from event where body->>'decision' = 'hot' order by email`,
  );
  expect(decisions.rows).toEqual([
    { email: 'a@x.jp', cause: 'publish' },
    { email: 'b@x.jp', cause: 'event' },
  ]);
});

test('I10: a damaged projection is mended: states, memory, links, keys, ranks; ids stay and no delivery comes of it', async () => {
  await projecting.apply([
    ...views('v', 9, { anonymousId: 'b' }),
    event('who', {
      type: 'identify',
      links: true,
      anonymousId: 'b',
      email: 'a@x.jp',
      userId: 'main:1',
      properties: {},
    }),
    ...views('other', 9, { email: 'b@x.jp' }),
  ]);
  const before = { derived: await derived(), told: await told() };
  await db.pool.query(
    `update lead set state = '{"profile":{},"consent":{},"counters":{}}', merged_into = null where id < 3`,
  );
  await db.pool.query(
    `update lead set memory = jsonb_set(memory::jsonb, '{epoch}', '7')::json where merged_into is null`,
  );
  await db.pool.query('delete from link; delete from identification; delete from lead_rank');
  const damaged = await verify(projecting.pool, projecting.context);
  expect(damaged.differences.flatMap(({ cells }) => cells.map(({ cell }) => cell))).toEqual(
    expect.arrayContaining(['memory.epoch', 'state.lastAt']),
  );
  const report = await rebuild(projecting.pool, projecting.context);
  expect(report.corrected).toBeGreaterThan(0);
  expect(report.relinked).toBeGreaterThan(0);
  expect({ derived: await derived(), told: await told() }).toEqual(before);
  await sound();
});

test('one at a time; an unfinished one can be asked after and abandoned', async () => {
  await projecting.apply(views('a', 4, { email: 'a@x.jp' }));
  let second: Promise<RebuildReport> | undefined;
  const other = new Projecting(db);
  await rebuild(projecting.pool, projecting.context, {
    onProgress: () => void (second ??= rebuild(other.pool, other.context).catch((error: Error) => error as never)),
  });
  expect(await second).toMatchObject({
    code: 'rebuild-running',
    message: expect.stringContaining('running already') as unknown,
  });
  await other.end();
  await begun();
  expect(await rebuildStatus(projecting.pool)).toMatchObject({ read: 1, running: false, usable: true });
  expect(await abandonRebuild(projecting.pool)).toBe(true);
  expect(await abandonRebuild(projecting.pool)).toBe(false);
  expect(await rebuildStatus(projecting.pool)).toBeUndefined();
  await sound();
});

test('what was folded of events that were deleted meanwhile does not come back', async () => {
  await projecting.apply([...views('a', 4, { email: 'a@x.jp' }), ...views('b', 4, { email: 'b@x.jp' })]);
  await begun();
  await inTransaction(db.pool, async (client) => {
    await client.query(`delete from event where email = 'b@x.jp'`);
    await client.query(`delete from lead_rank where lead in (select lead from subject_key where key = 'e:b@x.jp')`);
    await client.query(`delete from lead where id in (select lead from subject_key where key = 'e:b@x.jp')`);
    await client.query(`delete from subject_key where key = 'e:b@x.jp'`);
    await forgetInRebuild(client);
  });
  const held = await db.pool.query(`select to_regclass('rebuild.part_state') as held`);
  expect(held.rows).toEqual([{ held: null }]);
  expect(await rebuild(projecting.pool, projecting.context)).toMatchObject({ leads: 1 });
  expect(await canonicalLeads(db.pool)).toHaveLength(1);
});
