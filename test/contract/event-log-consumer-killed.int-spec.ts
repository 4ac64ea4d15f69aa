import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { createLogger, newId } from '#libs/platform';
import { eventLogConfig, KafkaLog, partitionCount, topics, type Topic } from '#libs/event-log';
import { projectRoot } from '../../tools/project.js';
import { Applied, record, until } from './event-log.applied.js';
import { deleteTopics } from './kafka-topics.js';

const options = { group: 'killed', topics: [topics.urgent, topics.events], concurrency: 4, maxRecords: 100 };

/** A consumer in a process of its own, from the build that `npm test` made: it says which records it was handed. */
const program = `
  import { createEventLog, eventLogConfig } from '#libs/event-log';
  import { createLogger } from '#libs/platform';
  const log = createEventLog({ ...eventLogConfig.parse(process.env), DATABASE_URL: '' }, createLogger('test', 'silent'));
  console.log('joining');
  await log.consume(${JSON.stringify(options)}, {
    assigned: ({ begin }) => Promise.resolve({ start: begin }),
    batch: (batch) => {
      console.log(batch.topic + '|' + batch.partition + ' ' + batch.records.length);
      return Promise.resolve({ kind: 'done', next: batch.nextPosition });
    },
    alive: () => undefined,
  });`;

function startConsumer(env: Record<string, string>) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: projectRoot,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  return {
    lines,
    places: () => new Set(lines.filter((line) => line.includes('|')).map((line) => line.split(' ')[0]!)),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

let env: Record<string, string>;
let log: KafkaLog;
let round = 0;

beforeEach(async () => {
  const brokers = process.env['TEST_KAFKA_BROKERS'];
  if (!brokers) throw new Error('No Kafka for this test: run it through `npm test`, or set TEST_KAFKA_BROKERS.');
  env = { KAFKA_BROKERS: brokers, KAFKA_TOPIC_PREFIX: `killed-${newId()}.` };
  log = new KafkaLog(eventLogConfig.parse(env), createLogger('test', 'silent'));
  await log.prepare();
});
afterEach(async () => {
  await log.close();
  await deleteTopics(env['KAFKA_BROKERS']!, [env['KAFKA_TOPIC_PREFIX']!]);
});

async function append(topic: Topic = topics.events): Promise<string[]> {
  round += 1;
  const records = Array.from({ length: 200 }, (_, n) => record(`a:${n}`, `${round}-${n}`, topic));
  expect((await log.append(records)).acked.every(Boolean)).toBe(true);
  return records.map(({ headers }) => headers['ce_id']!);
}

test('I12: a consumer is killed: another takes its partitions, and nothing is left out', async () => {
  const child = startConsumer(env);
  try {
    const all = await append();
    await until('the other process has all partitions', () => child.places().size === partitionCount, 60_000);
    const applied = new Applied();
    await log.consume(options, applied);
    await until('the partitions are shared', () => applied.next.size > 0, 60_000);
    expect(applied.next.size).toBeLessThan(partitionCount);
    await child.kill();
    all.push(...(await append()));
    await until('the survivor has every record', () => {
      const seen = new Set(applied.values());
      return all.every((id) => seen.has(id));
    }, 60_000);
    expect(new Set([...applied.next.keys()].filter((place) => place.startsWith(`${topics.events}|`))).size).toBe(partitionCount);
  } finally {
    await child.kill();
  }
}, 150_000);

test('a consumer is killed and started again on its host: it has the partitions of both groups at once, not after their sessions', async () => {
  const killed = startConsumer(env);
  let again: typeof killed | undefined;
  try {
    await append(topics.urgent);
    await append();
    await until('it has all partitions', () => killed.places().size === 2 * partitionCount, 60_000);
    await killed.kill();
    again = startConsumer(env);
    await until('it joins', () => again!.lines.includes('joining'), 60_000);
    const joinedAt = performance.now();
    await until('it is handed records of every partition', () => again!.places().size === 2 * partitionCount);
    // the dead member's session is 10 s
    expect(performance.now() - joinedAt).toBeLessThan(3_000);
  } finally {
    await killed.kill();
    await again?.kill();
  }
}, 150_000);

test('a consumer that starts beside a living one of its host signs nobody off', async () => {
  const admin = new Kafka({ brokers: [env['KAFKA_BROKERS']!], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const group = `${env['KAFKA_TOPIC_PREFIX']}killed.${topics.events}`;
  const members = async () => (await admin.describeGroups([group])).groups[0]!.members.map(({ memberId }) => memberId);
  const applied = new Applied();
  await log.consume(options, applied);
  const [first] = await members();
  const child = startConsumer(env);
  try {
    await append();
    await until('both have partitions', () => child.places().size > 0 && applied.next.size > 0, 60_000);
    const both = await members();
    expect(both).toHaveLength(2);
    expect(both).toContain(first);
  } finally {
    await child.kill();
    await admin.disconnect();
  }
}, 150_000);
