import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  SaveScenarioVersion,
  SaveScenarioVersionHandler,
  ActivateScenario,
  ActivateScenarioHandler,
} from '#libs/nurture';
import { driveClock, newId } from '#libs/platform';
import { rebuild, refoldOnePending, reviewDue } from '#libs/projection';
import type { LeadEvent } from '#libs/leads/domain';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { SmtpSink } from '#test/sinks';
import { until } from '#test/until';
import { Projecting } from '../projection/projecting.js';
import { publishTestRulebook } from '../projection/test-rulebook.js';
import { ship, startNurturing, type Nurturing } from './nurturing.js';

let db: TestDatabase;
let sink: SmtpSink;
let worker: Nurturing;
let projecting: Projecting;
const start = new Date('2026-11-02T10:00:00+09:00');
const dayMs = 86_400_000;
const later = (days: number) => new Date(start.getTime() + days * dayMs);

/** Waits a year, unless nobody looked for two weeks, or somebody became very interested. */
const scenario = {
  name: 'long-wait',
  entry: { signal: 'sent-form' },
  goal: { when: { all: [{ engagement: { gte: 100 } }, { signal: 'viewed-product' }] } },
  exits: [{ when: { not: { signal: 'viewed-product', within: '14d' } } }],
  steps: { rest: { wait: { days: 365 } } },
};

beforeAll(async () => {
  db = await createTestDatabase();
  await ship(db);
  await publishTestRulebook(db.pool);
  await driveClock(db.pool, start);
  await db.pool.query('update scenario set paused = true');
  await new SaveScenarioVersionHandler(db.pool).execute(new SaveScenarioVersion(scenario, 'test'));
  await new ActivateScenarioHandler(db.pool).execute(new ActivateScenario('long-wait', undefined, 'test'));
  projecting = new Projecting(db);
  sink = await new SmtpSink().start();
  worker = await startNurturing(db, { SMTP_URL: sink.url });
});
afterAll(async () => {
  await worker?.stop();
  await projecting?.end();
  await sink?.stop();
  await db?.drop();
});

const event = (at: Date, email: string, more: Partial<LeadEvent>): LeadEvent => ({
  id: newId(),
  type: 'page',
  source: 'www',
  occurredAt: at.getTime(),
  receivedAt: at.getTime(),
  email,
  properties: {},
  ...more,
});
const looked = (at: Date, email: string) => event(at, email, { properties: { path: `/products/${newId()}` } });
const form = (at: Date, email: string) => event(at, email, { type: 'track', name: 'Form', links: true });
const runOf = async (email: string) =>
  (
    await db.pool.query<{ state: string; reason: string | null }>(
      'select state, exit_reason as reason from run where subject_key = $1',
      [`e:${email}`],
    )
  ).rows[0];
const dueAt = async (email: string) =>
  (
    await db.pool.query<{ at: Date }>(
      'select k.next_change_at as at from lead_rank k join subject_key s on s.lead = k.lead where s.key = $1',
      [`e:${email}`],
    )
  ).rows[0]!.at;
const entered = (email: string) =>
  until(`${email} is in the scenario`, async () => (await runOf(email))?.state === 'active');

test('what a scenario waits for is listened for, leaf by leaf', async () => {
  const listened = await db.pool.query<{ name: string }>(
    "select name from listener where kind = 'condition' and wanted_by = 'scenario:long-wait'",
  );
  expect(listened.rows.map((row) => row.name).sort()).toEqual([
    '{"engagement":{"gte":100}}',
    '{"signal":"viewed-product","within":"14d"}',
    '{"signal":"viewed-product"}',
  ]);
});

test('time alone ends a run on the day on which its condition flips, not when its wait is over', async () => {
  const email = 'quiet@example.jp';
  await projecting.apply([looked(start, email), form(start, email)]);
  await entered(email);
  const flip = new Date('2026-11-17T00:00:00+09:00');
  expect((await dueAt(email)).getTime()).toBeLessThanOrEqual(flip.getTime());
  for (let days = 1; days <= 14; days += 1) {
    await driveClock(db.pool, later(days));
    while ((await reviewDue(projecting.pool, projecting.context)) > 0);
  }
  expect(await runOf(email)).toEqual({ state: 'active', reason: null });
  expect(await dueAt(email)).toEqual(flip);
  await driveClock(db.pool, flip);
  while ((await reviewDue(projecting.pool, projecting.context)) > 0);
  await until('the run has left', async () => (await runOf(email))?.reason === 'condition');
});

test('an event ends a run at once when it makes the goal true', async () => {
  const email = 'keen@example.jp';
  const now = new Date('2026-11-18T10:00:00+09:00');
  await driveClock(db.pool, now);
  await projecting.apply([looked(now, email), form(now, email)]);
  await entered(email);
  await projecting.apply(Array.from({ length: 7 }, () => looked(now, email)));
  await until('the goal is reached', async () => (await runOf(email))?.reason === 'goal');
});

test('a missed day is caught up by whoever comes first, and a rebuild does not forget what is awaited', async () => {
  const email = 'missed@example.jp';
  const now = new Date('2026-12-01T10:00:00+09:00');
  await driveClock(db.pool, now);
  await projecting.apply([looked(now, email), form(now, email)]);
  await entered(email);
  await rebuild(projecting.pool, projecting.context);
  expect((await dueAt(email)).getTime()).toBeLessThanOrEqual(new Date('2026-12-16T00:00:00+09:00').getTime());
  await driveClock(db.pool, new Date('2026-12-20T10:00:00+09:00'));
  await projecting.apply([event(new Date('2026-12-20T09:00:00+09:00'), email, { properties: { path: '/' } })]);
  await until('the run has left', async () => (await runOf(email))?.reason === 'condition');
});

test('what a refold in slices takes from a lead is told when it is done', async () => {
  const email = 'tablet@example.jp';
  const now = new Date('2026-12-21T10:00:00+09:00');
  const at = (hour: number) => new Date(now.getTime() - (10 - hour) * 3_600_000);
  await driveClock(db.pool, now);
  const slow = new Projecting(db, 'Asia/Tokyo', { refoldLimit: 0 });
  const signIn = (hour: number, who: string) =>
    event(at(hour), who, { type: 'identify', links: true, anonymousId: 'tablet' });
  await slow.apply([
    { ...looked(at(8), email), email: undefined, anonymousId: 'tablet' },
    signIn(9, email),
    form(at(9), email),
  ]);
  await entered(email);
  await slow.apply([signIn(7, 'colleague@example.jp')]);
  expect(await runOf(email)).toEqual({ state: 'active', reason: null });
  while (await refoldOnePending(slow.pool, slow.context));
  await until('the run has left', async () => (await runOf(email))?.reason === 'condition');
  await slow.end();
});
