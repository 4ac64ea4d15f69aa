// needs: kafka
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLogger } from '#libs/platform';
import { eventLogConfig, KafkaLog, topics } from '#libs/event-log';
import { OwnBrokers } from '#test/own-brokers';
import { Applied, record, until } from './event-log.applied.js';

let brokers: OwnBrokers;
beforeAll(async () => void (brokers = await OwnBrokers.start(3)), 120_000);
afterAll(() => brokers?.end(), 30_000);

test('I3: leaders are killed while records are produced: every acknowledged one is on the log', async () => {
  const config = eventLogConfig.parse({ KAFKA_BROKERS: brokers.addresses, KAFKA_REPLICATION: 3 });
  const log = new KafkaLog(config, createLogger('test', 'silent'));
  try {
    await prepared(log);
    const acked: string[] = [];
    const refused = new Set<string>();
    let producing = true;
    const producers = Array.from({ length: 4 }, async (_, producer) => {
      for (let round = 0; producing; round += 1) {
        const records = Array.from({ length: 60 }, (_, n) => record(`a:${producer}-${n}`, `${producer}-${round}-${n}`, n % 9 ? topics.events : topics.urgent));
        const answer = await log.append(records);
        records.forEach(({ headers }, index) => (answer.acked[index] ? acked.push(headers['ce_id']!) : refused.add(headers['ce_id']!)));
        // another call needs the processor as well
        await delay(5);
      }
    });
    const more = (count: number) => {
      const before = acked.length;
      return until('records are acknowledged again', () => acked.length >= before + count, 60_000);
    };
    await more(2_000);
    for (const place of [0, 1]) {
      await brokers.kill(place);
      await more(2_000);
      await brokers.revive(place);
      await more(2_000);
    }
    producing = false;
    await Promise.all(producers);
    expect(acked.length).toBeGreaterThan(10_000);

    const applied = new Applied();
    const ends = new Map<string, number>();
    for (const topic of Object.values(topics)) for (const { partition, end } of await log.bounds(topic)) ends.set(`${topic}|${partition}`, end);
    const consumer = await log.consume({ group: 'leader-moves', topics: [topics.urgent, topics.events], concurrency: 4, maxRecords: 2_000 }, applied);
    await until('the whole log is read', () => [...ends].every(([place, end]) => end === 0 || (applied.next.get(place) ?? 0) >= end), 60_000);
    await consumer.stop();
    const found = new Set(applied.values());
    expect(acked.filter((id) => !found.has(id))).toEqual([]);
    expect(new Set(acked).size).toBe(acked.length);
    // nothing lies there that nobody appended
    expect([...found].filter((id) => !refused.has(id)).length).toBe(acked.length);
  } finally {
    await log.close();
  }
}, 240_000);

/** Right after a start not every broker can be given a copy yet. */
async function prepared(log: KafkaLog): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const error = await log.prepare().then(
      () => undefined,
      (failure: Error) => failure,
    );
    if (!error) return;
    if (attempt === 40) throw error;
    await delay(500);
  }
}
