import { createLogger, newId } from '#libs/platform';
import { eventLogConfig, KafkaLog } from '#libs/event-log';
import { eventLogContract } from './event-log.contract.js';
import { deleteTopics } from './kafka-topics.js';

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
    end: () => deleteTopics(brokers, prefixes),
  });
});
