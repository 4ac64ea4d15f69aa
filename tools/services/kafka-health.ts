import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, Partitioners } from 'kafkajs';

const topic = 'leadfold.health';

/** A record produced with acks=all and consumed again. The topic keeps a minute of such records. */
export async function checkKafka(brokers: string, limitMs = 30_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    try {
      return await roundTrip(brokers.split(','), Math.max(1_000, deadline - Date.now()));
    } catch (error) {
      if (Date.now() > deadline) throw error; // coordinators load after the port opens
      await sleep(200);
    }
  }
}

async function roundTrip(brokers: string[], limitMs: number): Promise<void> {
  const kafka = new Kafka({
    clientId: 'leadfold-health',
    brokers,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2_000,
    retry: { retries: 3 },
  });
  const admin = kafka.admin();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const token = randomBytes(8).toString('hex');
  const groupId = `leadfold-health-${token}`;
  const consumer = kafka.consumer({ groupId });
  try {
    await admin.connect();
    const configEntries = [{ name: 'retention.ms', value: '60000' }];
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }], waitForLeaders: true });
    await producer.connect();
    const [ack] = await producer.send({ topic, acks: -1, messages: [{ value: token }] });
    if (ack?.errorCode) throw new Error(`Kafka answered error ${ack.errorCode}`);
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const seen = new Promise<void>((resolve, reject) => {
      setTimeout(() => reject(new Error('the record did not come back')), limitMs).unref();
      void consumer.run({
        autoCommit: false,
        eachMessage: ({ message }) => {
          if (message.value?.toString() === token) resolve();
          return Promise.resolve();
        },
      });
    });
    await seen;
  } finally {
    await consumer.disconnect().catch(() => undefined);
    await admin.deleteGroups([groupId]).catch(() => undefined);
    await Promise.allSettled([producer.disconnect(), admin.disconnect()]);
  }
}
