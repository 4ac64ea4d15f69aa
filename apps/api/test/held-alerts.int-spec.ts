import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AlertReactor, alertReader, handoffConfig, listenForCrossings } from '#libs/handoff';
import { newId, parseConfig } from '#libs/platform';
import { publish, reviewOlderRulebook, saveVersion } from '#libs/projection';
import { startActing, type Acting } from '#test/acting';
import { HttpSink } from '#test/sinks';
import { until } from '#test/until';
import { publishTestRulebook, testRulebook } from '../../../test/projection/test-rulebook.js';
import { Projecting } from '../../../test/projection/projecting.js';
import { startApi, type TestApi } from './start-api.js';

let api: TestApi;
let projecting: Projecting;
let hook: HttpSink;
let acting: Acting;
let stricter: number;
let looser: number;

const env = () => ({
  ALERT_WEBHOOK_URL: `${hook.url}/hook`,
  ALERT_WEBHOOK_SECRETS: `whsec_${Buffer.alloc(24, 7).toString('base64')}`,
});

/** Three people whose score of 30 is hot only under the looser rulebook. */
beforeAll(async () => {
  api = await startApi();
  hook = await new HttpSink().start();
  projecting = new Projecting(api.database);
  await publishTestRulebook(api.database.pool);
  const config = parseConfig(handoffConfig, env());
  await listenForCrossings(api.database.pool, config);
  const now = Date.now() - 3_600_000;
  await projecting.apply(
    ['taro', 'hanako', 'jiro'].map((name) => ({
      id: newId(),
      type: 'track',
      source: 'www',
      name: 'Form',
      links: true,
      occurredAt: now,
      receivedAt: now,
      email: `${name}@example.jp`,
      properties: { lastName: name },
    })),
  );
  looser = await saveVersion(
    api.database.pool,
    testRulebook({ hot: { 'score-of-20': { score: { gte: 20 } } }, rearm: { not: { score: { gte: 10 } } } }),
    'test',
  );
  stricter = await saveVersion(api.database.pool, testRulebook(), 'test');
  await publish(api.database.pool, looser, 'test', 'alert earlier');
  while ((await reviewOlderRulebook(projecting.pool, projecting.context)) > 0);
  acting = await startActing(api.database, env(), {
    handlers: [new AlertReactor(config, alertReader({ locale: 'ja', apiUrl: 'http://localhost' }))],
  });
}, 60_000);
afterAll(async () => {
  await acting?.stop();
  await projecting?.end();
  await hook?.stop();
  await api?.stop();
});

interface Alert {
  crossing: string;
  email: string;
  releasedAt: string | null;
  deliveries: { id: string; state: string; reason: string | null }[];
}
const as = (role: 'admin' | 'marketing' | 'sales') => ({ key: api.keys[role] });
const held = async (more = ''): Promise<Alert[]> =>
  (await api.call('GET', `/v1/rulebook/versions/${looser}/held-alerts${more}`, as('sales'))).body.items;
const release = (body: object, version = looser) =>
  api.call('POST', `/v1/rulebook/versions/${version}/held-alerts/release`, { ...as('marketing'), body });
const postsOf = (id: string) => hook.received.filter((post) => post.headers['webhook-id'] === id);

test('I18: a publish alerts nobody and lists what it held back, with the reason on each channel', async () => {
  const alerts = await until('the worker has written the alerts', async () => {
    const all = await held();
    return all.length === 3 && all.every((alert) => alert.deliveries.length === 1) && all;
  });
  expect(alerts.map((alert) => alert.email).sort()).toEqual([
    'hanako@example.jp',
    'jiro@example.jp',
    'taro@example.jp',
  ]);
  for (const alert of alerts)
    expect(alert).toMatchObject({
      rules: ['score-of-20'],
      score: 30,
      temperature: 'hot',
      releasedAt: null,
      deliveries: [{ channel: 'webhook', state: 'suppressed', reason: 'quiet:publish' }],
    });
  expect(hook.received).toEqual([]);
  expect((await api.call('GET', `/v1/rulebook/versions/${stricter}/held-alerts`, as('sales'))).body.items).toEqual([]);
  expect(await api.call('GET', '/v1/rulebook/versions/99/held-alerts', as('sales'))).toMatchObject({ status: 404 });
});

test('the list comes in pages', async () => {
  const first = (await api.call('GET', `/v1/rulebook/versions/${looser}/held-alerts?limit=2`, as('sales'))).body;
  expect(first).toMatchObject({ complete: true, nextCursor: expect.any(String) });
  const rest = await held(`?limit=2&cursor=${first.nextCursor}`);
  const paged = [...(first.items as Alert[]), ...rest].map((alert) => alert.crossing);
  expect(paged).toEqual((await held()).map((alert) => alert.crossing));
});

test('I17: one that is released, five times at once, is sent once, under the key it always had', async () => {
  const [alert] = await held();
  const id = alert!.deliveries[0]!.id;
  const answers = await Promise.all(Array.from({ length: 5 }, () => release({ crossings: [alert!.crossing] })));
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200]);
  const sums = (name: string) => answers.reduce((sum, answer) => sum + (answer.body[name] as number), 0);
  expect([sums('released'), sums('alreadyReleased'), sums('deliveries')]).toEqual([1, 4, 1]);
  await until('it is sent', async () => (await held('?released=true'))[0]?.deliveries[0]?.state === 'sent');
  expect(postsOf(id)).toHaveLength(1);
  expect((await held('?released=true')).map((one) => one.deliveries[0]!.id)).toEqual([id]);
  expect((await held('?released=false')).map((one) => one.deliveries[0]!.state)).toEqual(['suppressed', 'suppressed']);
  expect((await release({ crossings: [alert!.crossing] })).body).toMatchObject({ released: 0, alreadyReleased: 1 });
  const audited = await api.database.pool.query<{ actor: string; details: { released: number; crossings: string[] } }>(
    "select actor, details from audit_log where action = 'alerts.release' and details->>'released' = '1'",
  );
  expect(audited.rows).toEqual([
    {
      actor: expect.stringMatching(/^marketing \(/),
      details: expect.objectContaining({ crossings: [alert!.crossing] }),
    },
  ]);
});

test('a crossing that is none, or another version’s, is refused by its path; so is a salesperson', async () => {
  const [alert] = await held('?released=false');
  expect(await release({ crossings: [alert!.crossing, newId()] })).toMatchObject({
    status: 404,
    body: { code: 'held-alert-unknown', errors: [{ path: 'crossings.1' }] },
  });
  expect((await release({ crossings: [alert!.crossing] }, stricter)).status).toBe(404);
  expect((await release({ all: true, crossings: [] })).status).toBe(400);
  const refused = await api.call('POST', `/v1/rulebook/versions/${looser}/held-alerts/release`, {
    ...as('sales'),
    body: { all: true },
  });
  expect(refused.status).toBe(403);
  expect(await held('?released=false')).toHaveLength(2);
});

test('I17: a notice that the worker has not taken yet becomes loud, and is written once', async () => {
  await acting.stop();
  const [alert] = await held('?released=false');
  await api.database.pool.query('delete from delivery where crossing = $1', [alert!.crossing]);
  await api.database.pool.query('update outbox set taken_at = null where key = $1', [alert!.crossing]);
  expect((await release({ crossings: [alert!.crossing] })).body).toMatchObject({ deliveries: 0, toBeWritten: 1 });
  acting = await startActing(api.database, env(), {
    handlers: [
      new AlertReactor(parseConfig(handoffConfig, env()), alertReader({ locale: 'ja', apiUrl: 'http://localhost' })),
    ],
  });
  await until('it is sent', async () =>
    (await held('?released=true')).every((one) => one.deliveries[0]?.state === 'sent'),
  );
  expect(postsOf(alert!.deliveries[0]!.id)).toHaveLength(1);
});

test('all that are still hot: who has cooled since stays held', async () => {
  const [last] = await held('?released=false');
  await api.database.pool.query("update lead_rank set temperature = 'warm' where email = $1", [last!.email]);
  expect((await release({ all: true, stillHot: true })).body).toMatchObject({ released: 0 });
  expect((await release({ all: true })).body).toMatchObject({ released: 1, deliveries: 1 });
  await until('it is sent', async () =>
    (await held('?released=true')).every((one) => one.deliveries[0]?.state === 'sent'),
  );
  expect(hook.received).toHaveLength(3);
  expect(await held('?released=false')).toEqual([]);
});

test('without a channel nothing can be released', async () => {
  await api.database.pool.query('delete from listener');
  expect(await release({ all: true })).toMatchObject({ status: 409, body: { code: 'no-alert-channel' } });
});
