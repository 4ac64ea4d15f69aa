import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { AlertReactor } from '#libs/handoff';
import { parseConfig } from '#libs/platform';
import { handoffConfig } from '#libs/handoff';
import { cross, plainReader, startActing, type Acting } from '#test/acting';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { HttpSink, SmtpSink } from '#test/sinks';
import { until } from '#test/until';

const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const nextSecret = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
let db: TestDatabase;
let hook: HttpSink;
let slack: HttpSink;
let mail: SmtpSink;
let acting: Acting;

beforeAll(async () => {
  db = await createTestDatabase();
  [hook, slack, mail] = await Promise.all([new HttpSink().start(), new HttpSink().start(), new SmtpSink().start()]);
  const env = {
    ALERT_WEBHOOK_URL: `${hook.url}/hook`,
    ALERT_WEBHOOK_SECRETS: `${secret} ${nextSecret}`,
    ALERT_SLACK_WEBHOOK_URL: `${slack.url}/services/T/B/x`,
    ALERT_EMAIL_TO: 'sales@example.com',
    SMTP_URL: mail.url,
  };
  acting = await startActing(db, env, { handlers: [new AlertReactor(parseConfig(handoffConfig, env), plainReader)] });
});
afterAll(async () => {
  await acting.stop();
  await Promise.all([hook.stop(), slack.stop(), mail.stop()]);
  await db.drop();
});
afterEach(() => {
  hook.answer = () => ({ status: 200 });
});

const statesOf = async (crossing: string) => {
  const found = await db.pool.query<{
    channel: string;
    state: string;
    reason: string | null;
    id: string;
    attempt: number;
  }>('select id, channel, state, reason, attempt from delivery where crossing = $1 order by channel', [crossing]);
  return found.rows;
};
const settled = (crossing: string) =>
  until('all alerts ended', async () => {
    const rows = await statesOf(crossing);
    return rows.length === 3 && rows.every((r) => !['pending', 'sending'].includes(r.state)) && rows;
  });

test('I18: a crossing becomes one alert on each channel, and each is sent', async () => {
  const { decision } = await cross(db);
  expect((await settled(decision)).map((r) => [r.channel, r.state])).toEqual([
    ['email', 'sent'],
    ['slack', 'sent'],
    ['webhook', 'sent'],
  ]);
  const body = JSON.parse(hook.received.at(-1)!.body) as { type: string; data: { crossing: string; reason: string } };
  expect(body).toMatchObject({ type: 'lead.became_hot', data: { crossing: decision, score: { total: 74.2 } } });
  expect(body.data.reason).toContain('14日以内に資料を請求');
  expect(mail.received.at(-1)).toMatchObject({ to: ['sales@example.com'] });
});

test('I17: the same crossing told twice alerts once', async () => {
  const { decision } = await cross(db);
  await settled(decision);
  const before = hook.received.length;
  await db.pool.query('update outbox set taken_at = null where event = $1', [decision]);
  await db.pool.query("select pg_notify('leadfold_outbox', '')");
  await until(
    'the notice is taken again',
    async () => (await db.pool.query('select 1 from outbox where taken_at is null')).rowCount === 0,
  );
  expect(await statesOf(decision)).toHaveLength(3);
  expect(hook.received).toHaveLength(before);
});

test('I18: a quiet crossing has its alerts, born suppressed with the reason', async () => {
  const { decision } = await cross(db, { quiet: 'publish' });
  expect((await settled(decision)).map((r) => [r.state, r.reason])).toEqual(
    Array(3).fill(['suppressed', 'quiet:publish']),
  );
  expect(hook.received.some((post) => post.body.includes(decision))).toBe(false);
});

test('I24: one webhook-id over all attempts, verified by the Standard Webhooks library under both secrets', async () => {
  let refusals = 0;
  hook.answer = () => ({ status: refusals++ < 1 ? 503 : 200 });
  const { decision } = await cross(db);
  await settled(decision);
  const posts = hook.received.filter((post) => post.body.includes(decision));
  expect(posts).toHaveLength(2);
  expect(new Set(posts.map((post) => post.headers['webhook-id'])).size).toBe(1);
  expect(posts[0]!.body).toBe(posts[1]!.body);
  for (const post of posts)
    for (const key of [secret, nextSecret])
      expect(new Webhook(key).verify(post.body, post.headers as Record<string, string>)).toMatchObject({
        type: 'lead.became_hot',
      });
  const altered = posts[0]!.body.replace('lead.became_hot', 'lead.became_cold');
  expect(() => new Webhook(secret).verify(altered, posts[0]!.headers as Record<string, string>)).toThrow();
});

test('the whole way from the notice to the endpoint takes milliseconds', async () => {
  const tookMs: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const started = performance.now();
    const { decision } = await cross(db);
    const post = await until('the webhook came', () => hook.received.find((p) => p.body.includes(decision)));
    tookMs.push(post.at - started);
  }
  tookMs.sort((a, b) => a - b);
  process.stdout.write(`notice to webhook: median ${tookMs[10]!.toFixed(1)} ms, worst ${tookMs[19]!.toFixed(1)} ms\n`);
  expect(tookMs[10]).toBeLessThan(250);
});

test('what became of a delivery is on the log, under an id derived from it', async () => {
  const { decision } = await cross(db);
  const rows = await settled(decision);
  await until(
    'facts relayed',
    async () => (await db.pool.query('select 1 from fact_outbox where sent_at is null')).rowCount === 0,
  );
  const facts = await db.pool.query<{ value: string }>("select record->>'value' as value from fact_outbox");
  const told = facts.rows.map((row) => JSON.parse(row.value) as { name: string; properties: { deliveryId: string } });
  for (const row of rows)
    expect(told.filter((t) => t.properties.deliveryId === row.id).map((t) => t.name)).toEqual(['sent']);
});
