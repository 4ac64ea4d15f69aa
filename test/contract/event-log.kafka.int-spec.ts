import { Kafka, logLevel } from 'kafkajs';
import { createLogger, newId } from '#libs/platform';
import { eventLogConfig, KafkaLog, topics } from '#libs/event-log';
import { eventLogContract } from './event-log.contract.js';

eventLogContract('Kafka', () => {
  const brokers = process.env['TEST_KAFKA_BROKERS'];
  if (!brokers) throw new Error('No Kafka for this test: run it through `npm test`, or set TEST_KAFKA_BROKERS.');
  const prefixes: string[] = [];
  return Promise.resolve({
    fresh: () => Promise.resolve(void prefixes.push(`test-${newId()}.`)),
    open: () => {
      const config = eventLogConfig.parse({ KAFKA_BROKERS: brokers, KAFKA_TOPIC_PREFIX: prefixes.at(-1) });
      return new KafkaLog(config, createLogger('test', process.env['LOG_LEVEL'] ?? 'fatal'));
    },
    end: async () => {
      const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      const ours = prefixes.flatMap((prefix) => Object.values(topics).map((topic) => prefix + topic));
      const existing = new Set(await admin.listTopics());
      await admin.deleteTopics({ topics: ours.filter((topic) => existing.has(topic)) });
      await admin.disconnect();
    },
  });
});
