import { afterEach, expect, test } from '@jest/globals';
import { createLogger, createPool, TokenSeal } from '#libs/platform';
import { createWriteKey, revokeWriteKey, SourceDirectory } from '#libs/sources';
import { createTestDatabase } from '#test/database';
import { until } from '#test/until';
import { post, startCollector, testLog, trackingSecret, writeKey, type CollectorUnderTest } from './collector-fixture.js';

let collector: CollectorUnderTest | undefined;
afterEach(async () => {
  await collector?.stop();
  collector = undefined;
});

const event = { type: 'track', event: 'Viewed', anonymousId: 'a1', messageId: 'm-1' };
const batch = { batch: Array.from({ length: 50 }, (_, n) => ({ ...event, messageId: `m-${n}`, properties: { a: 'x'.repeat(2_000) } })) };

test('I3: success is not answered before the log has committed', async () => {
  const logDatabase = await createTestDatabase();
  const eventLog = testLog({ EVENT_LOG: 'postgres' }, logDatabase.url);
  await eventLog.prepare();
  collector = await startCollector({ eventLog });
  expect((await post(`${collector.url}/v1/t`, { ...event, messageId: 'warm' })).status).toBe(200);
  const blocker = await logDatabase.pool.connect();
  await blocker.query('begin');
  await blocker.query('lock table log_record in exclusive mode');
  let answered = false;
  const answer = post(`${collector.url}/v1/t`, event).finally(() => (answered = true));
  await until('the append waits for the table', async () => {
    const waiting = await logDatabase.pool.query('select 1 from pg_locks where not granted');
    return (waiting.rowCount ?? 0) > 0;
  });
  expect(answered).toBe(false);
  await blocker.query('rollback');
  blocker.release();
  expect((await answer).status).toBe(200);
  expect((await collector.stored()).length).toBe(2);
  await collector.stop();
  collector = undefined;
  await logDatabase.drop();
});

test('I6: Kafka away: 503 with Retry-After within 6 s, memory bounded, clicks and opens still answer', async () => {
  collector = await startCollector({ eventLog: testLog({ KAFKA_BROKERS: '127.0.0.1:1' }), env: { COLLECTOR_IN_FLIGHT_BYTES: '2097152' } });
  const { url } = collector;
  const started = performance.now();
  const answers = await Promise.all(Array.from({ length: 200 }, () => post(`${url}/v1/batch`, batch)));
  expect(performance.now() - started).toBeLessThan(6_000);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  expect(answers.every(({ headers }) => Number(headers.get('retry-after')) > 0)).toBe(true);
  const codes = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { code: string }).code));
  expect(new Set(codes)).toEqual(new Set(['busy', 'log-away']));
  await until('nothing is in flight', async () => /in_flight_bytes\S* 0$/m.test(await collector!.metrics()));

  const seal = new TokenSeal(trackingSecret, 'tracking');
  const asked = performance.now();
  const click = await fetch(`${url}/c/${seal.seal({ d: 'd', k: 'e:a@b.jp', u: 'https://b.jp/' })}`, { redirect: 'manual' });
  const open = await fetch(`${url}/o/${seal.seal({ d: 'd', k: 'e:a@b.jp' })}.gif`);
  expect([click.status, click.headers.get('location'), open.status]).toEqual([302, 'https://b.jp/', 200]);
  expect(performance.now() - asked).toBeLessThan(1_500);
  await until('the dropped hits are counted', async () => /hits_total\{kind="click",outcome="dropped"[^}]*\} 1$/m.test(await collector!.metrics()));
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
});

test('a revoked key is refused within 10 s, a new one taken at once', async () => {
  collector = await startCollector();
  const { key } = await createWriteKey(collector.pool, { source: 'site', actor: 'test' });
  const send = () => post(`${collector!.url}/v1/t`, event, { authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` });
  await until('the new key is known', async () => (await send()).status === 200, 4_000);
  expect(await revokeWriteKey(collector.pool, { key, actor: 'test' })).toBe(true);
  await until('the key is refused', async () => (await send()).status === 401, 10_000);
  const kept = await collector.pool.query<{ text: string }>("select string_agg(w::text, '') || (select string_agg(a::text, '') from audit_log a) as text from write_key w");
  expect(kept.rows[0]!.text).not.toContain(key);
});

test('PostgreSQL away: a collector that starts then works with the copy on disk', async () => {
  collector = await startCollector();
  const nowhere = createPool({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' }, () => undefined);
  const sources = new SourceDirectory(nowhere, { folder: collector.folder }, createLogger('test', 'silent'));
  await sources.open();
  expect(sources.find(writeKey)).toMatchObject({ id: 'site', idSpace: 'main' });
  expect(sources.find('wk_other_key')).toBeUndefined();
  await sources.close();
  await nowhere.end();
});

test('a source over its rate gets 429 with Retry-After and X-RateLimit-Reset', async () => {
  collector = await startCollector({ env: { COLLECTOR_EVENTS_PER_SECOND: '10' } });
  expect((await post(`${collector.url}/v1/batch`, { batch: batch.batch.slice(0, 20) })).status).toBe(200);
  const refused = await post(`${collector.url}/v1/batch`, { batch: batch.batch.slice(20) });
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(Number(refused.headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000);
  expect((await collector.stored()).length).toBe(20);
});
