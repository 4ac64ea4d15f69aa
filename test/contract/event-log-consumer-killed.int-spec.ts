import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { createLogger, newId } from '#libs/platform';
import { eventLogConfig, KafkaLog, topics } from '#libs/event-log';
import { projectRoot } from '../../tools/project.js';
import { Applied, record, until } from './event-log.applied.js';
import { deleteTopics } from './kafka-topics.js';

/** A consumer in a process of its own, from the build that `npm test` made: it says which records it was handed. */
const program = `
  import { createEventLog, eventLogConfig, topics } from '#libs/event-log';
  import { createLogger } from '#libs/platform';
  const log = createEventLog({ ...eventLogConfig.parse(process.env), DATABASE_URL: '' }, createLogger('test', 'silent'));
  await log.consume({ group: 'killed', topics: [topics.urgent, topics.events], concurrency: 4, maxRecords: 100 }, {
    assigned: ({ begin }) => Promise.resolve({ start: begin }),
    batch: (batch) => {
      console.log(batch.partition + ' ' + batch.records.length);
      return Promise.resolve({ kind: 'done', next: batch.nextPosition });
    },
    alive: () => undefined,
  });`;

test('I12: a consumer is killed: another takes its partitions, and nothing is left out', async () => {
  const brokers = process.env['TEST_KAFKA_BROKERS'];
  if (!brokers) throw new Error('No Kafka for this test: run it through `npm test`, or set TEST_KAFKA_BROKERS.');
  const env = { KAFKA_BROKERS: brokers, KAFKA_TOPIC_PREFIX: `killed-${newId()}.` };
  const log = new KafkaLog(eventLogConfig.parse(env), createLogger('test', 'silent'));
  await log.prepare();
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { cwd: projectRoot, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  try {
    let round = 0;
    const append = async () => {
      round += 1;
      const records = Array.from({ length: 200 }, (_, n) => record(`a:${n}`, `${round}-${n}`));
      expect((await log.append(records)).acked.every(Boolean)).toBe(true);
      return records.map(({ headers }) => headers['ce_id']!);
    };
    const all = await append();
    await until('the other process has all partitions', () => new Set(output.split('\n').filter(Boolean).map((line) => line.split(' ')[0])).size === 12, 60_000);
    const applied = new Applied();
    await log.consume({ group: 'killed', topics: [topics.urgent, topics.events], concurrency: 4, maxRecords: 100 }, applied);
    await until('the partitions are shared', () => applied.next.size > 0, 60_000);
    expect(applied.next.size).toBeLessThan(12);
    child.kill('SIGKILL');
    await ended;
    all.push(...(await append()));
    await until('the survivor has every record', () => {
      const seen = new Set(applied.values());
      return all.every((id) => seen.has(id));
    }, 60_000);
    expect(new Set([...applied.next.keys()].filter((place) => place.startsWith(`${topics.events}|`))).size).toBe(12);
  } finally {
    child.kill('SIGKILL');
    await ended;
    await log.close();
    await deleteTopics(brokers, [env.KAFKA_TOPIC_PREFIX]);
  }
}, 150_000);
