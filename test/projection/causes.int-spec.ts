import { expect, test } from '@jest/globals';
import { eventIdOf } from '#libs/platform';
import type { LeadEvent } from '#libs/leads/domain';
import type { TestDatabase } from '#test/database';
import { Projecting } from './projecting.js';
import { eventsAt, stageProjection } from './stage.js';

const now = Date.now();

/** Real: PostgreSQL. Every batch mixes what is quiet with what is loud. */
let db: TestDatabase;
let projecting: Projecting;
stageProjection((staged) => ({ db, projecting } = staged));

const event = eventsAt(now);
const views = (prefix: string, count: number, fields: Partial<LeadEvent>) =>
  Array.from({ length: count }, (_, index) => event(`${prefix}${index}`, fields));
const merge = (a: string, b: string) =>
  event(`merge ${a} ${b}`, { type: 'merge', email: a, otherKey: `e:${b}`, properties: {} });
const crossings = async () =>
  (
    await db.pool.query<{ key: string; cause: string; quiet: boolean }>(
      `select coalesce(email, anon) as key, body->>'cause' as cause, (body->>'quiet')::bool as quiet from event where kind = 'decision' and body->>'decision' = 'hot' order by 1, 2`,
    )
  ).rows;

test('an operator merge that is enough by itself crosses quietly, although the same batch holds something recent', async () => {
  await projecting.apply([...views('a', 4, { email: 'a@x.jp' }), ...views('b', 4, { email: 'b@x.jp' })]);
  await projecting.apply([event('fresh', { email: 'b@x.jp' }), merge('a@x.jp', 'b@x.jp')]);
  expect(await crossings()).toEqual([{ key: 'a@x.jp', cause: 'merge', quiet: true }]);
});

test('what a recent event adds to a merge of the same batch crosses loudly', async () => {
  await projecting.apply([...views('a', 3, { email: 'a@x.jp' }), ...views('b', 3, { email: 'b@x.jp' })]);
  await projecting.apply([event('fresh', { email: 'b@x.jp' }), merge('a@x.jp', 'b@x.jp')]);
  expect(await crossings()).toEqual([{ key: 'a@x.jp', cause: 'event', quiet: false }]);
});

test('a merge alone is quiet, also of a visitor nobody knew', async () => {
  await projecting.apply([...views('a', 3, { email: 'a@x.jp' }), ...views('v', 5, { anonymousId: 'v' })]);
  await projecting.apply([event('known', { type: 'merge', email: 'a@x.jp', otherKey: 'a:v', properties: {} })]);
  expect(await crossings()).toEqual([{ key: 'a@x.jp', cause: 'merge', quiet: true }]);
});

test('a visitor who identifies himself in the batch of an operator merge of others is loud', async () => {
  await projecting.apply([
    ...views('a', 4, { email: 'a@x.jp' }),
    ...views('b', 4, { email: 'b@x.jp' }),
    ...views('v', 4, { anonymousId: 'v' }),
    ...views('p', 4, { email: 'p@x.jp' }),
  ]);
  await projecting.apply([
    merge('a@x.jp', 'b@x.jp'),
    event('who', { type: 'identify', links: true, anonymousId: 'v', email: 'p@x.jp', properties: {} }),
  ]);
  expect(await crossings()).toEqual([
    { key: 'a@x.jp', cause: 'merge', quiet: true },
    { key: 'p@x.jp', cause: 'event', quiet: false },
  ]);
});

test('an un-merge and a withdrawal beside recent events: each side decides by what it did', async () => {
  await projecting.apply([...views('a', 2, { email: 'a@x.jp' }), ...views('b', 3, { email: 'b@x.jp' })]);
  const joined = merge('a@x.jp', 'b@x.jp');
  await projecting.apply([joined]);
  await projecting.apply([
    event('unmerge', { type: 'unmerge', refersTo: joined.id, properties: {} }),
    event('restore', { type: 'retraction', name: 'withdrawn', refersTo: eventIdOf('test', 'a0'), properties: {} }),
    ...views('b-more', 4, { email: 'b@x.jp' }),
    event('a-more', { email: 'a@x.jp' }),
  ]);
  expect(await crossings()).toEqual([{ key: 'b@x.jp', cause: 'event', quiet: false }]);
});

test('a lead of which everything is withdrawn is in no list and due for no review, until something is restored', async () => {
  const judged = (name: 'withdrawn' | 'restored', id: string, at: number) =>
    event(id, { type: 'retraction', name, refersTo: eventIdOf('test', 'spam'), occurredAt: at, properties: {} });
  const ranked = async () => (await db.pool.query('select 1 from lead_rank')).rowCount;
  await projecting.apply([event('spam', { email: 'spam@x.jp' })]);
  expect(await ranked()).toBe(1);
  await projecting.apply([judged('withdrawn', 'gone', now - 2)]);
  expect(await ranked()).toBe(0);
  await projecting.apply([judged('restored', 'back', now - 1)]);
  expect(await ranked()).toBe(1);
});
