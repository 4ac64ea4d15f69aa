import { expect, test } from '@jest/globals';
import type { LeadMemory } from '#libs/leads/domain';
import { eventIdOf } from '#libs/platform';
import { readLead, readTimeline, rebuild, verify } from '#libs/projection';
import type { TestDatabase } from '#test/database';
import { timelineEntries } from '../../apps/api/src/leads/timeline.query.js';
import type { Projecting } from './projecting.js';
import { eventsAt, stageProjection } from './stage.js';
import { publishTestRulebook } from './test-rulebook.js';

const now = Date.now();
const event = eventsAt(now);
const email = 'sales@x.jp';

/** Real: PostgreSQL. What sales said is withdrawn, and nothing is said in its place. */
let db: TestDatabase;
let projecting: Projecting;
stageProjection((staged) => ({ db, projecting } = staged));

const says = (name: string, id: string) => event(id, { type: 'outcome', name, email, properties: {} });
const judges = (name: 'withdrawn' | 'restored', target: string, id: string) =>
  event(id, { type: 'retraction', name, refersTo: eventIdOf('test', target), properties: {} });
const memory = async (): Promise<LeadMemory> => (await readLead(db.pool, { key: `e:${email}` }))!.memory;
const moves = async () =>
  (
    await db.pool.query<Record<string, unknown>>(
      `select body->>'from' as from, body->>'to' as to, body->>'cause' as cause, (body->>'quiet')::bool as quiet, body->>'because' as because
        from event where kind = 'decision' and body->>'decision' = 'stage' order by (body->>'seq')::int`,
    )
  ).rows;
const form = event('form', { type: 'track', name: 'Contact', links: true, email, properties: {} });

const funnel = () =>
  publishTestRulebook(db.pool, {
    stages: [
      { name: 'visitor' },
      { name: 'lead', when: { signal: 'sent-form' } },
      { name: 'prospect', outcomes: ['accepted'] },
      { name: 'customer', outcomes: ['won'] },
    ],
  });

test('a withdrawn outcome puts the lead quietly where it would stand without it, and restored it moves it again', async () => {
  await funnel();
  await projecting.apply([event('view', { email }), says('won', 'won')]);
  await projecting.apply([form]);
  expect((await memory()).stage).toBe('customer');
  const won = eventIdOf('test', 'won');
  await projecting.apply([judges('withdrawn', 'won', 'no'), event('fresh', { email })]);
  // a condition would have made it a lead meanwhile
  expect(await memory()).toMatchObject({ stage: 'lead' });
  expect((await memory()).outcome).toBeUndefined();
  expect((await moves()).at(-1)).toEqual({
    ...{ from: 'customer', to: 'lead', cause: 'withdrawal', quiet: true, because: won },
  });
  await projecting.apply([{ ...judges('restored', 'won', 'yes'), occurredAt: now + 1 }]);
  expect(await memory()).toMatchObject({ stage: 'customer', outcome: won });
});

test('the earlier outcome stands again, and one that said nothing of the stage leaves it alone', async () => {
  await funnel();
  await projecting.apply([{ ...says('accepted', 'first'), occurredAt: now - 9 }]);
  await projecting.apply([{ ...says('won', 'second'), occurredAt: now - 8 }, says('contacted', 'third')]);
  expect((await memory()).stage).toBe('customer');
  await projecting.apply([judges('withdrawn', 'third', 'no third')]);
  expect((await memory()).stage).toBe('customer');
  await projecting.apply([judges('withdrawn', 'second', 'no second')]);
  expect((await memory()).stage).toBe('prospect');
  await projecting.apply([judges('withdrawn', 'first', 'no first')]);
  expect((await memory()).stage).toBe('visitor');
});

test('a rebuild reads it back, verify finds nothing, and the history shows what was said and what was taken back', async () => {
  await funnel();
  await projecting.apply([says('won', 'won'), form]);
  await projecting.apply([judges('withdrawn', 'won', 'no')]);
  const before = await memory();
  expect(before.stage).toBe('lead');
  expect(await verify(projecting.pool, projecting.context)).toMatchObject({ differences: [] });
  await db.pool.query(`update lead set memory = '{"hot":false,"armed":true,"epoch":0,"stage":null,"segments":[]}'`);
  await rebuild(projecting.pool, projecting.context);
  expect(await memory()).toEqual(before);

  const lead = (await readLead(db.pool, { key: `e:${email}` }))!.id;
  const { events } = await readTimeline(db.pool, lead, { limit: 50 });
  const told = await timelineEntries(db.pool, events, 'en');
  expect(told.find(({ id }) => id === eventIdOf('test', 'won'))).toMatchObject({ name: 'won', counts: false });
  expect(told.filter(({ type }) => type === 'decision').map(({ text }) => text)).toEqual(
    expect.arrayContaining(['Decided: stage customer → customer', 'Decided: stage lead → lead (after a withdrawal)']),
  );
});
