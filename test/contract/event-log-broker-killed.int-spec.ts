// needs: kafka
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLogger } from '#libs/platform';
import { eventLogConfig, KafkaLog, partitionCount, topics } from '#libs/event-log';
import { OwnBrokers } from '#test/own-brokers';
import { Applied, record, until } from './event-log.applied.js';

let brokers: OwnBrokers;
beforeAll(async () => void (brokers = await OwnBrokers.start(1)), 120_000);
afterAll(() => brokers?.end(), 30_000);

test('the only broker is killed: once it takes records again the consumer has them, without waiting for its own old session', async () => {
  const config = eventLogConfig.parse({ KAFKA_BROKERS: brokers.addresses });
  const log = new KafkaLog(config, createLogger('test', 'silent'));
  const applied = new Applied();
  let round = 0;
  const records = () => {
    round += 1;
    return Array.from({ length: 200 }, (_, n) => record(`a:${n}`, `${round}-${n}`));
  };
  try {
    await log.prepare();
    const consumer = await log.consume({ group: 'broker-killed', topics: [topics.urgent, topics.events], concurrency: 4, maxRecords: 100 }, applied);
    expect((await log.append(records())).error).toBeUndefined();
    await until('the first round', () => applied.next.size === partitionCount);
    await brokers.kill(0);
    await brokers.revive(0);
    // what is refused while it starts may yet be there: each attempt is another round
    for (const end = performance.now() + 60_000; (await log.append(records())).error; await delay(50))
      if (performance.now() > end) throw new Error('the broker takes no records');
    const takenAt = performance.now();
    const mine = `${round}-`;
    await until('the consumer has them', () => applied.seen.filter(({ value }) => value.startsWith(mine)).length >= 200);
    // the session of who it was before lasts 10 s from the broker's start
    expect(performance.now() - takenAt).toBeLessThan(5_000);
    const stoppedAt = performance.now();
    await consumer.stop();
    expect(performance.now() - stoppedAt).toBeLessThan(3_000);
  } finally {
    await log.close();
  }
}, 180_000);
