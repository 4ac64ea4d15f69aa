// needs: kafka
import { expect, test } from '@jest/globals';
import { createLogger, newId } from '#libs/platform';
import { eventLogConfig, KafkaLog, topics } from '#libs/event-log';
import { Applied, record, until } from './event-log.applied.js';
import { deleteTopics } from './kafka-topics.js';

/** Remembers how far apart the last answers of the log were. */
class Watched extends Applied {
  private beatAt = performance.now();
  gapMs = 0;

  override alive(): void {
    this.gapMs = performance.now() - this.beatAt;
    this.beatAt = performance.now();
  }
}

test('a quiet topic is asked seldom; a record comes at once all the same, and a stop does not wait for the answer', async () => {
  const brokers = process.env['TEST_KAFKA_BROKERS'];
  if (!brokers) throw new Error('No Kafka for this test: run it through `npm test`, or set TEST_KAFKA_BROKERS.');
  const prefix = `quiet-${newId()}.`;
  const log = new KafkaLog(eventLogConfig.parse({ KAFKA_BROKERS: brokers, KAFKA_TOPIC_PREFIX: prefix }), createLogger('test', 'silent'));
  const applied = new Watched();
  try {
    await log.prepare();
    const consumer = await log.consume({ group: 'quiet', topics: [topics.urgent], concurrency: 1, maxRecords: 100 }, applied);
    await until('a fetch takes its time', () => applied.gapMs > 4_000, 60_000);
    const appendedAt = performance.now();
    await log.append([record('a:1', 'first', topics.urgent)]);
    await until('the record', () => applied.seen.length === 1);
    expect(performance.now() - appendedAt).toBeLessThan(2_000);
    applied.gapMs = 0;
    await until('a fetch takes its time again', () => applied.gapMs > 4_000, 60_000);
    const stoppedAt = performance.now();
    await consumer.stop();
    expect(performance.now() - stoppedAt).toBeLessThan(2_000);
  } finally {
    await log.close();
    await deleteTopics(brokers, [prefix]);
  }
}, 150_000);
