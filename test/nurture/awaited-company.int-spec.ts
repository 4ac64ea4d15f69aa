import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { LeadEvent } from '#libs/leads/domain';
import {
  ActivateScenario,
  ActivateScenarioHandler,
  SaveScenarioVersion,
  SaveScenarioVersionHandler,
} from '#libs/nurture';
import { createLogger, driveClock, newId, Progress } from '#libs/platform';
import { rebuild, reviewAccounts, reviewDue, reviewOlderRulebook, Upkeep } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { SmtpSink } from '#test/sinks';
import { until } from '#test/until';
import { Projecting } from '../projection/projecting.js';
import { publishTestRulebook, testRulebook } from '../projection/test-rulebook.js';
import { ship, startNurturing, type Nurturing } from './nurturing.js';

/** Real: PostgreSQL, Redis, the projection and the worker's acting parts. The clock is driven. */
let db: TestDatabase;
let sink: SmtpSink;
let worker: Nurturing;
let projecting: Projecting;
const start = new Date('2026-11-02T10:00:00+09:00');

/** Waits a year, unless two at the company looked, or nobody there looked for two weeks. */
const scenario = {
  name: 'company-wait',
  entry: { signal: 'sent-form' },
  goal: { when: { account: { signal: 'viewed-product', people: { gte: 2 } } } },
  exits: [{ when: { not: { account: { signal: 'viewed-product', within: '14d' } } } }],
  steps: { rest: { wait: { days: 365 } } },
};

beforeAll(async () => {
  db = await createTestDatabase();
  await ship(db);
  await publishTestRulebook(db.pool);
  await driveClock(db.pool, start);
  await db.pool.query('update scenario set paused = true');
  await new SaveScenarioVersionHandler(db.pool).execute(new SaveScenarioVersion(scenario, 'test'));
  await new ActivateScenarioHandler(db.pool).execute(new ActivateScenario(scenario.name, undefined, 'test'));
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
const assigned = (at: Date, email: string, account: string) =>
  event(at, email, {
    type: 'account',
    source: 'api',
    name: 'assigned',
    properties: { account, reason: '', actor: 'x' },
  });

const runsAt = async (domain: string) =>
  (
    await db.pool.query<{ key: string; state: string; reason: string | null }>(
      `select subject_key as key, state, exit_reason as reason from run where subject_key like '%@' || $1 order by 1`,
      [domain],
    )
  ).rows;
const reasonsAt = async (domain: string) => (await runsAt(domain)).map(({ reason }) => reason);
const active = async (domain: string, runs = 1) =>
  until(`${runs} at ${domain} are in the scenario`, async () => (await runsAt(domain)).length === runs, 60_000);
const told = async (domain: string) =>
  (await db.pool.query("select 1 from outbox where payload ->> 'account' = $1", [`d:${domain}`])).rowCount;
const handled = () =>
  until('the relay took all notices', async () => {
    const { rowCount } = await db.pool.query('select 1 from outbox where taken_at is null');
    return rowCount === 0;
  });
const review = async (): Promise<void> => {
  while ((await reviewDue(projecting.pool, projecting.context)) > 0);
  while ((await reviewAccounts(projecting.pool, projecting.context)) > 0);
  await handled();
};
const stepsAt = async (domain: string) =>
  (
    await db.pool.query<{ steps: number }>(
      `select count(*)::int as steps from run_log l join run r on r.id = l.run where r.subject_key like '%@' || $1`,
      [domain],
    )
  ).rows[0]!.steps;

test('what another member does ends a run that waits for its company, and whatever flips nothing wakes nobody', async () => {
  const domain = 'one.co.jp';
  await projecting.apply([looked(start, `a@${domain}`), form(start, `a@${domain}`)]);
  await active(domain);
  await review();
  const [notices, steps] = [await told(domain), await stepsAt(domain)];
  await projecting.apply([looked(start, `a@${domain}`), event(start, `b@${domain}`, { properties: { path: '/' } })]);
  await review();
  expect([await told(domain), await stepsAt(domain)]).toEqual([notices, steps]);
  expect(await reasonsAt(domain)).toEqual([null]);
  await projecting.apply([looked(start, `b@${domain}`)]);
  expect(await reasonsAt(domain)).toEqual([null]);
  await review();
  expect(await told(domain)).toBe(notices! + 1);
  expect(await reasonsAt(domain)).toEqual(['goal']);
});

test('time alone ends a run on the day on which nobody at its company has looked for too long, and not a day before', async () => {
  const domain = 'quiet.co.jp';
  await projecting.apply([looked(start, `a@${domain}`), form(start, `b@${domain}`)]);
  await active(domain);
  await review();
  const flip = new Date('2026-11-17T00:00:00+09:00');
  await driveClock(db.pool, new Date(flip.getTime() - 1_000));
  await review();
  expect(await reasonsAt(domain)).toEqual([null]);
  const due = await db.pool.query<{ at: Date }>('select next_change_at as at from account where key = $1', [
    `d:${domain}`,
  ]);
  expect(due.rows[0]!.at).toEqual(flip);
  await driveClock(db.pool, flip);
  await review();
  expect(await reasonsAt(domain)).toEqual(['condition']);
});

test('who comes to another company, or is joined to somebody there, is told though nothing flips at either', async () => {
  const now = new Date('2026-11-18T10:00:00+09:00');
  await driveClock(db.pool, now);
  await projecting.apply([
    ...['a', 'b'].flatMap((name) => [looked(now, `${name}@busy.co.jp`)]),
    ...['x', 'y'].flatMap((name) => [
      looked(now, `${name}@small-${name}.co.jp`),
      form(now, `${name}@small-${name}.co.jp`),
    ]),
  ]);
  await active('small-x.co.jp');
  await active('small-y.co.jp');
  await review();
  const before = await told('busy.co.jp');
  await projecting.apply([
    assigned(now, 'x@small-x.co.jp', 'd:busy.co.jp'),
    assigned(now, 'a@busy.co.jp', 'd:busy.co.jp'),
  ]);
  await handled();
  expect(await reasonsAt('small-x.co.jp')).toEqual(['goal']);
  expect(await reasonsAt('small-y.co.jp')).toEqual([null]);
  await projecting.apply([
    event(now, 'a@busy.co.jp', { type: 'merge', source: 'api', links: true, otherKey: 'e:y@small-y.co.jp' }),
  ]);
  await handled();
  expect(await reasonsAt('small-y.co.jp')).toEqual(['goal']);
  await review();
  expect(await told('busy.co.jp')).toBe(before);
});

test('who leaves a company no longer waits for it', async () => {
  const now = new Date('2026-11-19T10:00:00+09:00');
  await driveClock(db.pool, now);
  await projecting.apply([looked(now, 'a@left.co.jp'), form(now, 'b@left.co.jp')]);
  await active('left.co.jp');
  await review();
  await projecting.apply([assigned(now, 'b@left.co.jp', 'd:elsewhere.co.jp')]);
  await handled();
  expect(await reasonsAt('left.co.jp')).toEqual(['condition']);
});

test('a publish and a rebuild wake for what they change alone, and not before all of a company is counted anew', async () => {
  const now = new Date('2026-11-20T10:00:00+09:00');
  await driveClock(db.pool, now);
  const domain = 'published.co.jp';
  await projecting.apply([looked(now, `a@${domain}`), form(now, `b@${domain}`)]);
  await active(domain);
  await review();
  const notices = await told(domain);
  const { signals } = testRulebook();
  const viewed = { ...signals['viewed-product']!, where: { path: { startsWith: '/products' } } };
  await publishTestRulebook(db.pool, { signals: { ...signals, 'viewed-product': viewed } as typeof signals });
  // the one who looked is still counted by the rulebook before, whose signal is another
  await projecting.apply([event(now, `b@${domain}`, { properties: { path: '/' } })]);
  await review();
  expect([await told(domain), await reasonsAt(domain)]).toEqual([notices, [null]]);
  while ((await reviewOlderRulebook(projecting.pool, projecting.context)) > 0);
  await review();
  expect([await told(domain), await reasonsAt(domain)]).toEqual([notices, [null]]);
  await rebuild(projecting.pool, projecting.context);
  await review();
  expect([await told(domain), await reasonsAt(domain)]).toEqual([notices, [null]]);
  await projecting.apply([looked(now, `b@${domain}`)]);
  await review();
  expect(await reasonsAt(domain)).toEqual(['goal']);
});

test('a company of 600 whose runs all wait: one notice, and all have ended within seconds', async () => {
  const now = new Date('2026-11-21T10:00:00+09:00');
  await driveClock(db.pool, now);
  const domain = 'large.co.jp';
  const people = Array.from({ length: 600 }, (_, index) => `p${index}@${domain}`);
  await projecting.apply([looked(now, people[0]!), ...people.map((email) => form(now, email))]);
  await active(domain, people.length);
  await review();
  const notices = await told(domain);
  const log = createLogger('test', 'silent');
  const upkeep = new Upkeep({ pool: projecting.pool, context: projecting.context, log, progress: new Progress(log) });
  upkeep.start();
  const startedAt = performance.now();
  await projecting.apply([looked(now, people[1]!)]);
  const ended = async () => (await reasonsAt(domain)).filter((reason) => reason === 'goal').length;
  await until('the first have ended', async () => (await ended()) > 0, 30_000);
  const first = performance.now() - startedAt;
  await until('all have ended', async () => (await ended()) === people.length, 60_000);
  process.stdout.write(
    `first after ${Math.round(first)} ms, 600 after ${Math.round(performance.now() - startedAt)} ms\n`,
  );
  await upkeep.stop();
  expect(await told(domain)).toBe(notices! + 1);
});
