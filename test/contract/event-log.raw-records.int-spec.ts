import { describe } from '@jest/globals';
import { CompressionTypes, Kafka, logLevel, Partitioners } from 'kafkajs';
import { createLogger, newId } from '#libs/platform';
import { eventLogConfig, KafkaLog, PostgresLog, type EventLog } from '#libs/event-log';
import { createTestDatabase } from '#test/database';
import { rawRecordsContract, type ForeignRecord } from './event-log.raw-records.js';
import { deleteTopics } from './kafka-topics.js';

const quiet = createLogger('test', 'silent');

async function closing(log: EventLog, work: () => Promise<void>): Promise<void> {
  try {
    await log.prepare();
    await work();
  } finally {
    await log.close();
  }
}

describe('Kafka', () => {
  rawRecordsContract(async (work) => {
    const brokers = process.env['TEST_KAFKA_BROKERS'];
    if (!brokers) throw new Error('No Kafka for this test: run it through `npm test`, or set TEST_KAFKA_BROKERS.');
    const prefix = `raw-${newId()}.`;
    const log = new KafkaLog(eventLogConfig.parse({ KAFKA_BROKERS: brokers, KAFKA_TOPIC_PREFIX: prefix }), quiet);
    // the ordinary client beside ours, in one process
    const producer = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).producer({ createPartitioner: Partitioners.DefaultPartitioner });
    const foreign = async (records: ForeignRecord[], compressed = false) => {
      await producer.connect();
      await producer.sendBatch({ acks: -1, topicMessages: [{ topic: prefix + records[0]!.topic, messages: records }], compression: compressed ? CompressionTypes.GZIP : CompressionTypes.None });
    };
    try {
      await closing(log, () => work(log, foreign));
    } finally {
      await producer.disconnect();
      await deleteTopics(brokers, [prefix]);
    }
  });
});

describe('PostgreSQL', () => {
  rawRecordsContract(async (work) => {
    const database = await createTestDatabase();
    const log = new PostgresLog({ url: database.url, retentionDays: 7 }, quiet);
    const foreign = async (records: ForeignRecord[]) => {
      const column = (name: keyof ForeignRecord) => records.map((record) => record[name]);
      await database.pool.query('select log_append($1, $2, $3, $4, $5)', [
        column('topic'), column('partition'), column('key'), records.map(({ headers }) => JSON.stringify(headers)), column('value'),
      ]);
    };
    try {
      await closing(log, () => work(log, foreign));
    } finally {
      await database.drop();
    }
  });
});
