import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import pg from 'pg';
import { median } from '../support/ratio.js';
import type { Place } from '../support/bench-system.js';
import type { Bench } from '../support/row.js';

/** The same way without us: each hop by its bare client. Medians, ms. */
export type HopMedians = Record<'http' | 'produce' | 'consume' | 'commit' | 'job' | 'webhook', number>;
export const hopSum = (hops: HopMedians): number => Object.values(hops).reduce((sum, ms) => sum + ms, 0);

export interface Hops {
  measure(rounds: number): Promise<HopMedians>;
  close(): Promise<void>;
}

export async function openHops(bench: Bench, place: Place, ports: { bare: number; sink: number }): Promise<Hops> {
  const topic = `${place.topicPrefix}hops`;
  const kafka = new Kafka({ brokers: bench.services.kafkaBrokers!.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const consumer = kafka.consumer({ groupId: topic, minBytes: 1 });
  let consumed: () => void = () => undefined;
  await producer.connect();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
  await consumer.run({ eachMessage: async () => consumed() });
  await joined;

  const database = new pg.Client({ connectionString: place.databaseUrl });
  await database.connect();
  await database.query('create table hop (at timestamptz)');
  const connection = { url: bench.services.redisUrl! };
  const queue = new Queue('hops', { connection, prefix: place.topicPrefix });
  let handled: () => void = () => undefined;
  const worker = new Worker('hops', async () => handled(), { connection, prefix: place.topicPrefix });
  await worker.waitUntilReady();
  const agent = new http.Agent({ keepAlive: true });
  const post = (port: number, path: string) =>
    new Promise<void>((resolve, reject) => {
      const body = '{"type":"track","messageId":"hop"}';
      const headers = { 'content-type': 'application/json', 'content-length': body.length };
      const call = http.request({ agent, host: '127.0.0.1', port, path, method: 'POST', headers }, (response) => {
        response.resume();
        response.once('end', resolve);
      });
      call.once('error', reject);
      call.end(body);
    });

  const round = async (): Promise<HopMedians> => {
    const took = async (work: () => Promise<unknown>) => {
      const started = performance.now();
      await work();
      return performance.now() - started;
    };
    const bare = await took(() => post(ports.bare, '/v1/track'));
    const arrived = new Promise<void>((resolve) => (consumed = resolve));
    const produceStarted = performance.now();
    await producer.send({ topic, acks: -1, messages: [{ value: 'x'.repeat(300) }] });
    const produce = performance.now() - produceStarted;
    await arrived;
    const both = performance.now() - produceStarted;
    const commit = await took(() => database.query('insert into hop values (now())'));
    const worked = new Promise<void>((resolve) => (handled = resolve));
    const job = await took(async () => {
      await queue.add('hop', {}, { removeOnComplete: true });
      await worked;
    });
    const webhook = await took(() => post(ports.sink, '/hop'));
    return { http: bare, produce, consume: Math.max(0, both - produce), commit, job, webhook };
  };
  return {
    async measure(rounds) {
      const all: HopMedians[] = [];
      for (let i = 0; i < rounds; i++) {
        all.push(await round());
        await sleep(20);
      }
      const of = (hop: keyof HopMedians) => median(all.map((each) => each[hop]));
      return {
        http: of('http'),
        produce: of('produce'),
        consume: of('consume'),
        commit: of('commit'),
        job: of('job'),
        webhook: of('webhook'),
      };
    },
    async close() {
      agent.destroy();
      await worker.close();
      await queue.close();
      await database.end();
      await consumer.disconnect();
      await producer.disconnect();
    },
  };
}
