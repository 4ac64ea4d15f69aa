import { beforeEach, expect, test } from '@jest/globals';
import { eventIdOf } from '#libs/platform';
import type { LeadEvent } from '#libs/leads/domain';
import { driveClock } from '#libs/platform';
import {
  publish,
  readLead,
  rebuild,
  refoldOnePending,
  reviewDue,
  reviewOlderRulebook,
  saveVersion,
  sweepJudgements,
  verify,
} from '#libs/projection';
import type { TestDatabase } from '#test/database';
import { Projecting } from './projecting.js';
import { testRulebook } from './test-rulebook.js';
import { eventsAt, stageProjection } from './stage.js';

const now = Date.UTC(2026, 5, 10, 3);
const day = 86_400_000;

/** Real: PostgreSQL. The clock is driven. */
let db: TestDatabase;
let projecting: Projecting;
let rulebook: number;
stageProjection((staged) => ({ db, projecting, rulebook } = staged));
beforeEach(async () => {
  await driveClock(db.pool, new Date(now));
  await publish(db.pool, rulebook, 'test');
});

const event = eventsAt(now);
const views = (prefix: string, count: number, fields: Partial<LeadEvent>) =>
  Array.from({ length: count }, (_, index) => event(`${prefix}${index}`, fields));
const decisions = async () =>
  (
    await db.pool.query<{ decision: string; cause: string; quiet: boolean }>(
      `select body->>'decision' as decision, body->>'cause' as cause, (body->>'quiet')::bool as quiet from event where kind = 'decision' and body->>'decision' in ('hot', 'rearm') order by batch, body->>'decision'`,
    )
  ).rows;
const sound = async () =>
  expect(await verify(projecting.pool, projecting.context)).toMatchObject({ differences: [], identityDifferences: 0 });

test('a judgement that came before its fact waits, is applied with it, and one that neither saw is swept', async () => {
  const opened = event('mail', { type: 'track', name: 'Email Opened', email: 'a@x.jp', properties: {} });
  const human = event('verdict', { type: 'verdict', name: 'human', refersTo: opened.id, properties: {} });
  await projecting.apply([human]);
  expect((await db.pool.query('select 1 from unapplied_judgement')).rowCount).toBe(1);
  await projecting.apply([opened]);
  expect((await db.pool.query('select 1 from unapplied_judgement')).rowCount).toBe(0);
  await sound();

  // what two concurrent transactions leave behind: both stored, the judgement marked as waiting and not yet counted
  const second = event('mail-2', { type: 'track', name: 'Email Opened', email: 'a@x.jp', properties: {} });
  await projecting.apply([second]);
  const verdict = event('verdict-2', { type: 'verdict', name: 'human', refersTo: second.id, properties: {} });
  await db.pool.query(
    `insert into event (id, kind, type, source, occurred_at, received_at, batch, refers_to, body) values ($1, 'judgement', 'verdict', 'worker', now(), now(), 0, $2, $3)`,
    [verdict.id, second.id, { name: 'human', properties: {}, receivedAt: now, refersTo: second.id }],
  );
  await db.pool.query('insert into unapplied_judgement values ($1, $2, now())', [verdict.id, second.id]);
  await sound();
  expect(await sweepJudgements(projecting.pool, projecting.context)).toBe(1);
  expect(await sweepJudgements(projecting.pool, projecting.context)).toBe(0);
  const lead = await readLead(db.pool, { key: 'e:a@x.jp' });
  const counts = Object.values(lead!.state.counters).flatMap((days) =>
    Object.values(days).map((counter) => counter.count),
  );
  expect(counts).toEqual([2]);
  await sound();
});

test('a review that is due rearms quietly, and a missed one is made before new events are folded', async () => {
  await projecting.apply(views('v', 8, { anonymousId: 'b' }));
  await driveClock(db.pool, new Date(now + 91 * day));
  expect(await reviewDue(projecting.pool, projecting.context)).toBe(1);
  for (let round = 0; round < 5; round += 1) await reviewDue(projecting.pool, projecting.context);
  expect(await decisions()).toEqual([
    { decision: 'hot', cause: 'event', quiet: false },
    { decision: 'rearm', cause: 'time', quiet: true },
  ]);
  // nobody reviews: the next batch must find the lead armed all the same
  await projecting.apply(views('w', 8, { anonymousId: 'b', occurredAt: now + 91 * day, receivedAt: now + 91 * day }));
  await driveClock(db.pool, new Date(now + 190 * day));
  await projecting.apply(views('x', 8, { anonymousId: 'b', occurredAt: now + 190 * day, receivedAt: now + 190 * day }));
  expect((await decisions()).map((one) => `${one.decision} ${one.cause}`)).toEqual([
    'hot event',
    'rearm time',
    'hot event',
    'hot event',
    'rearm time',
  ]);
  expect((await readLead(db.pool, { key: 'a:b' }))!.memory.epoch).toBe(3);
});

test('a new signal is back-filled from stored events, quietly, by whoever touches the lead first', async () => {
  await projecting.apply([...views('a', 4, { anonymousId: 'a' }), ...views('b', 4, { anonymousId: 'b' })]);
  const { signals } = testRulebook();
  const version = await saveVersion(
    db.pool,
    testRulebook({
      signals: { ...signals, 'any-page': { event: 'page' } },
      hot: { pages: { signal: 'any-page', count: { gte: 4 } } } as never,
    }),
    'test',
  );
  await publish(db.pool, version, 'test');
  await projecting.apply([event('later', { anonymousId: 'a', properties: { path: '/' } })]);
  expect(await reviewOlderRulebook(projecting.pool, projecting.context)).toBe(1);
  expect(await reviewOlderRulebook(projecting.pool, projecting.context)).toBe(0);
  expect(await decisions()).toEqual([
    { decision: 'hot', cause: 'publish', quiet: true },
    { decision: 'hot', cause: 'publish', quiet: true },
  ]);
  await sound();
  expect(await rebuild(projecting.pool, projecting.context)).toMatchObject({ leads: 2, corrected: 0, relinked: 0 });
});

test('an operator merge is quiet, keeps the higher epoch, and its un-merge leaves both sides with it', async () => {
  await projecting.apply(views('hot', 8, { email: 'a@x.jp' }));
  await projecting.apply(views('cold', 5, { email: 'b@x.jp' }));
  const merge = event('merge', { type: 'merge', email: 'b@x.jp', otherKey: 'e:a@x.jp', properties: {} });
  await projecting.apply([merge]);
  expect((await readLead(db.pool, { key: 'e:b@x.jp' }))!.keys).toEqual(['e:a@x.jp', 'e:b@x.jp']);
  await projecting.apply([event('unmerge', { type: 'unmerge', refersTo: merge.id, properties: {} })]);
  const [a, b] = [await readLead(db.pool, { key: 'e:a@x.jp' }), await readLead(db.pool, { key: 'e:b@x.jp' })];
  expect([a!.keys, b!.keys]).toEqual([['e:a@x.jp'], ['e:b@x.jp']]);
  expect([a!.memory.epoch, b!.memory.epoch]).toEqual([1, 1]);
  expect((await decisions()).filter((one) => one.decision === 'hot')).toEqual([
    { decision: 'hot', cause: 'event', quiet: false },
  ]);
  await sound();
});

test('a refold that is too long for a batch waits outside it, and the lead decides nothing meanwhile', async () => {
  const small = new Projecting(db, 'Asia/Tokyo', { refoldLimit: 5 });
  await small.apply(views('v', 9, { email: 'a@x.jp' }));
  await small.apply([
    event('withdraw', { type: 'retraction', name: 'withdrawn', refersTo: eventIdOf('test', 'v0'), properties: {} }),
  ]);
  expect((await readLead(db.pool, { key: 'e:a@x.jp' }))!.refoldPending).toBe(true);
  await small.apply(views('w', 2, { email: 'a@x.jp' }));
  expect(await refoldOnePending(small.pool, small.context)).toBe(true);
  expect(await refoldOnePending(small.pool, small.context)).toBe(false);
  await small.end();
  expect((await readLead(db.pool, { key: 'e:a@x.jp' }))!.refoldPending).toBe(false);
  await sound();
});

test('I10: a rebuild mends what was damaged, keeps lead ids and decisions, and sends nothing', async () => {
  await db.pool.query(`insert into listener values ('crossing', 'hot', 'test') on conflict do nothing`);
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
  ]);
  const ids = async () => (await db.pool.query('select key, lead from subject_key order by key')).rows as unknown;
  const before = {
    ids: await ids(),
    lead: await readLead(db.pool, { key: 'a:b' }),
    outbox: (await db.pool.query('select 1 from outbox')).rowCount,
  };
  await db.pool.query(`update lead set state = '{"profile":{},"consent":{},"counters":{}}', merged_into = null`);
  await db.pool.query('delete from link');
  await db.pool.query('delete from identification');
  expect((await verify(projecting.pool, projecting.context)).identityDifferences).toBeGreaterThan(0);
  expect((await rebuild(projecting.pool, projecting.context)).relinked).toBeGreaterThan(0);
  await sound();
  const lead = await readLead(db.pool, { key: 'a:b' });
  expect({
    ids: await ids(),
    lead: { ...lead, lookedAt: 0 },
    outbox: (await db.pool.query('select 1 from outbox')).rowCount,
  }).toEqual({ ...before, lead: { ...before.lead, lookedAt: 0 } });
});

test('I9, I10: with state, memory and ranks deleted, a rebuild reads both back from events and decisions, decides nothing and sends nothing', async () => {
  await db.pool.query(`insert into listener values ('crossing', 'hot', 'test') on conflict do nothing`);
  const form = { type: 'track', name: 'Material Requested', links: true, properties: {} } as const;
  // a crossing, an outcome of sales, a merge of the operator and its end, a visitor who says who he is, a segment left in time
  await projecting.apply(views('hot', 8, { email: 'a@x.jp' }));
  await projecting.apply(views('cold', 5, { email: 'b@x.jp' }));
  await projecting.apply([
    ...views('visit', 8, { anonymousId: 'b' }),
    event('won', { type: 'outcome', name: 'recycled', email: 'b@x.jp', properties: {} }),
  ]);
  const merge = event('merge', { type: 'merge', email: 'b@x.jp', otherKey: 'e:a@x.jp', properties: {} });
  await projecting.apply([merge, event('form', { ...form, email: 'c@x.jp', anonymousId: 'b' })]);
  await projecting.apply([event('unmerge', { type: 'unmerge', refersTo: merge.id, properties: {} })]);
  await projecting.apply([
    event('who', {
      type: 'identify',
      links: true,
      anonymousId: 'b',
      email: 'd@x.jp',
      occurredAt: now - 30_000,
      properties: {},
    }),
  ]);
  await driveClock(db.pool, new Date(now + 91 * day));
  for (let round = 0; round < 6; round += 1) await reviewDue(projecting.pool, projecting.context);
  await projecting.apply(views('back', 8, { email: 'a@x.jp', occurredAt: now + 91 * day, receivedAt: now + 91 * day }));

  const roots = async () =>
    (
      await db.pool.query(
        `select l.id, l.mixed, l.state, l.memory::jsonb as memory, k.score, k.temperature, k.stage, k.visitor from lead l left join lead_rank k on k.lead = l.id
          where merged_into is null and not mixed order by id`,
      )
    ).rows as { memory: { epoch: number; outcome?: string } }[];
  const told = async () =>
    (await db.pool.query(`select (select count(*) from outbox) as outbox, (select count(*) from event) as events`))
      .rows[0] as object;
  const before = { roots: await roots(), told: await told() };
  expect(before.roots.map(({ memory }) => memory.epoch).sort()).toEqual([1, 1, 1, 2]);
  expect(before.roots.some(({ memory }) => memory.outcome !== undefined)).toBe(true);

  await db.pool.query('truncate lead, lead_rank, link, apart, identification, skipped_identification');
  await rebuild(projecting.pool, projecting.context);
  expect({ roots: await roots(), told: await told() }).toEqual(before);
  await sound();
  expect(await rebuild(projecting.pool, projecting.context)).toMatchObject({ corrected: 0, relinked: 0 });
  // and nothing is decided twice afterwards
  const decided = await decisions();
  await projecting.apply([event('later', { email: 'a@x.jp', occurredAt: now + 91 * day, receivedAt: now + 91 * day })]);
  while ((await reviewDue(projecting.pool, projecting.context)) > 0);
  expect(await decisions()).toEqual(decided);
});
