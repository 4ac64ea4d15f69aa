import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLogger, newId } from '#libs/platform';
import { assertMode, drainToKafka, eventLogConfig, KafkaLog, PostgresLog, topics } from '#libs/event-log';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { Applied, record, until } from './event-log.applied.js';
import { deleteTopics } from './kafka-topics.js';

let database: TestDatabase;
beforeAll(async () => void (database = await createTestDatabase()));
afterAll(() => database.drop());

test('embedded to full: nothing lost, the new log starts afresh, the mode is recorded', async () => {
  const logger = createLogger('test', 'silent');
  const { pool } = database;
  const old = new PostgresLog({ url: database.url, retentionDays: 7 }, logger);
  const brokers = process.env['TEST_KAFKA_BROKERS'];
  if (!brokers) throw new Error('No Kafka for this test: run it through `npm test`, or set TEST_KAFKA_BROKERS.');
  const prefix = `test-${newId()}.`;
  const kafka = new KafkaLog(eventLogConfig.parse({ KAFKA_BROKERS: brokers, KAFKA_TOPIC_PREFIX: prefix }), logger);
  try {
    await assertMode(pool, 'postgres');
    await expect(assertMode(pool, 'kafka')).rejects.toMatchObject({ code: 'event-log-mode' });
    await old.prepare();
    for (const topic of Object.values(topics)) {
      const { acked } = await old.append(Array.from({ length: 1_500 }, (_, n) => record(`a:${n % 60}`, `${topic}-${n}`, topic)));
      expect(acked.every(Boolean)).toBe(true);
    }
    const applied = await applySome(old);
    expect(applied.seen.length).toBeLessThan(3_000);

    const report = await drainToKafka(pool, kafka);
    expect(report.copied).toBe(3_000 - applied.seen.length);
    await assertMode(pool, 'kafka');
    await expect(assertMode(pool, 'postgres')).rejects.toMatchObject({ code: 'event-log-mode' });

    const after = new Applied();
    const offsets = await pool.query<{ topic: string; partition: number; next: number }>('select topic, partition, next from partition_offset');
    for (const row of offsets.rows) after.next.set(`${row.topic}|${row.partition}`, row.next);
    const consumer = await kafka.consume({ group: 'drain', topics: [topics.urgent, topics.events], concurrency: 4, maxRecords: 500 }, after);
    await until('what was left', () => after.seen.length >= report.copied);
    await consumer.stop();
    expect(new Set([...applied.values(), ...after.values()]).size).toBe(3_000);
    const poison = await pool.query<{ position: number }>('select position from quarantine');
    expect(poison.rows).toEqual([{ position: -4 }]);
  } finally {
    await old.close();
    await kafka.close();
    await deleteTopics(brokers, [prefix]);
  }
});

/** Part of the old log is applied, as the projector does it: the offset stands in PostgreSQL. */
async function applySome(log: PostgresLog): Promise<Applied> {
  const applied = new Applied();
  const consumer = await log.consume({ group: 'drain', topics: [topics.urgent, topics.events], concurrency: 2, maxRecords: 40 }, applied);
  await until('a part', () => applied.seen.length > 1_700);
  await consumer.stop();
  for (const [place, next] of applied.next) {
    await database.pool.query(`insert into partition_offset (topic, partition, next, consumed) values (split_part($1, '|', 1), split_part($1, '|', 2)::int, $2, $2)`, [place, next]);
  }
  await database.pool.query(
    `insert into quarantine (topic, partition, position, headers, code, detail, batch, quarantined_at)
     values ($1, 0, 3, '{}', 'bad-json', 'x', 1, clock_timestamp())`,
    [topics.events],
  );
  return applied;
}

test('the embedded log keeps what is not applied, however old, and its bounds tell what was removed', async () => {
  const { pool } = database;
  await pool.query('truncate log_partition, log_record, partition_offset');
  const log = new PostgresLog({ url: database.url, retentionDays: 7 }, createLogger('test', 'silent'));
  try {
    await log.prepare();
    await log.append(Array.from({ length: 10 }, (_, n) => record('a:one', `r-${n}`)));
    const { partition } = (await log.bounds(topics.events)).find((each) => each.end === 10)!;
    await pool.query(`update log_record set appended_at = appended_at - interval '8 days' where position < 6`);
    await log.trim();
    expect((await log.bounds(topics.events))[partition]).toMatchObject({ begin: 0, end: 10 });
    await pool.query('insert into partition_offset (topic, partition, next) values ($1, $2, 4)', [topics.events, partition]);
    await log.trim();
    expect((await log.bounds(topics.events))[partition]).toMatchObject({ begin: 4, end: 10 });
    await pool.query('update partition_offset set next = 9');
    await log.trim();
    expect((await log.bounds(topics.events))[partition]).toMatchObject({ begin: 6, end: 10 });
    const left = await pool.query<{ position: number }>('select position from log_record order by position');
    expect(left.rows.map((row) => row.position)).toEqual([6, 7, 8, 9]);
  } finally {
    await log.close();
  }
});
