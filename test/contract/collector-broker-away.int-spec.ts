// needs: kafka
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createLogger, eventIdOf, TokenSeal } from '#libs/platform';
import { eventLogConfig, KafkaLog, topics, type EventLog } from '#libs/event-log';
import { OwnBrokers } from '#test/own-brokers';
import { until as untilAsync } from '#test/until';
import { post, startCollector, testLog, trackingSecret, type CollectorUnderTest } from './collector-fixture.js';
import { Applied, record, until } from './event-log.applied.js';

let brokers: OwnBrokers;
beforeAll(async () => void (brokers = await OwnBrokers.start(1)), 90_000);
afterAll(() => brokers?.end(), 30_000);
let collector: CollectorUnderTest | undefined;
afterEach(async () => {
  await collector?.stop();
  collector = undefined;
});

const track = (messageId: string, more: object = {}) => ({ type: 'track', event: 'Viewed', anonymousId: `a-${messageId}`, messageId, ...more });

async function prepared(log: EventLog): Promise<EventLog> {
  await untilAsync('the broker makes topics', () => log.prepare().then(() => true, () => false), 60_000);
  return log;
}

test('I6: the broker dies under a running collector and comes back: 503 within 6 s, memory bounded, mails still work, then all is well by itself', async () => {
  const eventLog = await prepared(testLog({ KAFKA_BROKERS: brokers.addresses }));
  collector = await startCollector({ eventLog, env: { COLLECTOR_IN_FLIGHT_BYTES: '8388608' } });
  const { url } = collector;
  const accepted: string[] = [];
  const send = async (name: string) => {
    const batch = Array.from({ length: 20 }, (_, n) => track(`${name}-${n}`, { properties: { text: 'x'.repeat(2_000) } }));
    const at = performance.now();
    const answer = await post(`${url}/v1/batch`, { batch });
    if (answer.status === 200) accepted.push(...batch.map(({ messageId }) => eventIdOf('site', messageId)));
    await answer.arrayBuffer();
    return { status: answer.status, retryAfter: Number(answer.headers.get('retry-after')), ms: performance.now() - at };
  };
  for (let n = 0; n < 20; n += 1) expect((await send(`before-${n}`)).status).toBe(200);

  await brokers.kill(0);
  const heapBefore = process.memoryUsage().rss;
  const answers: Awaited<ReturnType<typeof send>>[] = [];
  for (let wave = 0; wave < 4; wave += 1) {
    answers.push(...(await Promise.all(Array.from({ length: 80 }, (_, n) => send(`away-${wave}-${n}`)))));
    expect(Number(/in_flight_bytes\S* (\d+)$/m.exec(await collector.metrics())?.[1])).toBeLessThanOrEqual(8_388_608);
  }
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(6_000);
  expect(Math.min(...answers.map(({ retryAfter }) => retryAfter))).toBeGreaterThan(0);
  expect(process.memoryUsage().rss - heapBefore).toBeLessThan(200 * 1024 * 1024);
  const seal = new TokenSeal(trackingSecret, 'tracking');
  const asked = performance.now();
  const click = await fetch(`${url}/c/${seal.seal({ d: 'd', k: 'e:a@b.jp', u: 'https://b.jp/' })}`, { redirect: 'manual' });
  const open = await fetch(`${url}/o/${seal.seal({ d: 'd', k: 'e:a@b.jp' })}.gif`);
  expect([click.status, open.status]).toEqual([302, 200]);
  expect(performance.now() - asked).toBeLessThan(2_000);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);

  await brokers.revive(0);
  await untilAsync('the collector takes events again', async () => (await send(`again-${performance.now()}`)).status === 200, 60_000);
  for (let n = 0; n < 20; n += 1) expect((await send(`after-${n}`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const stored = new Set((await collector.stored()).map(({ event }) => event.id));
  expect(accepted.length).toBeGreaterThanOrEqual(820);
  expect(accepted.filter((id) => !stored.has(id))).toEqual([]);
}, 150_000);

test('the broker restarts under a running consumer: it goes on by itself, and nothing is lost', async () => {
  const config = eventLogConfig.parse({ KAFKA_BROKERS: brokers.addresses, KAFKA_TOPIC_PREFIX: 'restart.' });
  const log = new KafkaLog(config, createLogger('test', 'silent'));
  try {
    await prepared(log);
    const applied = new Applied();
    const consumer = await log.consume({ group: 'restarted', topics: [topics.urgent, topics.events], concurrency: 4, maxRecords: 50 }, applied);
    let ended: Error | undefined;
    consumer.ended.catch((error: Error) => (ended = error));
    const appended = new Set<string>();
    const append = async (name: string) => {
      const records = Array.from({ length: 200 }, (_, n) => record(`a:${n % 40}`, `${name}-${n}`, n % 5 ? topics.events : topics.urgent));
      const { acked } = await log.append(records);
      records.forEach(({ headers }, index) => acked[index] && appended.add(headers['ce_id']!));
      return acked.every(Boolean);
    };
    const arrived = () => {
      const seen = new Set(applied.values());
      return [...appended].every((id) => seen.has(id));
    };
    for (let round = 1; round <= 2; round += 1) {
      expect(await append(`${round}-before`)).toBe(true);
      await brokers.kill(0);
      await append(`${round}-away`);
      await brokers.revive(0);
      for (let n = 0; !(await append(`${round}-again-${n}`)); n += 1) await delay(200);
      await until('all that was acknowledged arrives', () => arrived() || ended !== undefined, 60_000);
      expect(ended).toBeUndefined();
    }
    expect(appended.size).toBeGreaterThanOrEqual(800);
  } finally {
    await log.close();
  }
}, 150_000);
