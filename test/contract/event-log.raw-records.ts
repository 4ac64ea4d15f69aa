import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { partitionOf, topics, type EventLog, type RecordBatch, type Topic } from '#libs/event-log';
import { until } from './event-log.applied.js';

/** A record as a producer in another language may leave it. */
export interface ForeignRecord {
  topic: Topic;
  partition: number;
  key: Buffer | null;
  headers: Record<string, string>;
  value: Buffer | null;
}

/** Bytes that are no event must reach quarantine as they came, and come back from there as they are. */
export function rawRecordsContract(
  withLog: (work: (log: EventLog, foreign: (records: ForeignRecord[], compressed?: boolean) => Promise<void>) => Promise<void>) => Promise<void>,
): void {
  test('I14: records without key, without value and with any bytes are handed out as they came', () =>
    withLog(async (log, foreign) => {
      const odd: ForeignRecord[] = [
        { topic: topics.events, partition: 4, key: null, headers: { ce_id: 'x' }, value: Buffer.from('{"a":1}') },
        { topic: topics.events, partition: 4, key: Buffer.from([0xff, 0x00, 0xfe]), headers: {}, value: randomBytes(4_000) },
        { topic: topics.events, partition: 4, key: Buffer.from('a:1'), headers: {}, value: null },
        { topic: topics.events, partition: 4, key: null, headers: {}, value: Buffer.alloc(0) },
      ];
      await foreign(odd);
      const { records } = await allOf(log, 4, odd.length);
      expect(records.map(({ key, value, headers }) => ({ key, value, headers }))).toEqual(odd.map(({ key, value, headers }) => ({ key, value, headers })));
    }));

  test('records that a producer has compressed are handed out beside others', () =>
    withLog(async (log, foreign) => {
      const some = (first: number) => Array.from({ length: 3 }, (_, n) => ({ topic: topics.events, partition: 4, key: null, headers: { n: `${first + n}` }, value: Buffer.from('{}') }));
      await foreign(some(0));
      await foreign(some(3), true);
      await foreign(some(6));
      const { records } = await allOf(log, 4, 9);
      expect(records.map(({ headers }) => headers['n'])).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8']);
    }));

  test('I14: a replay puts poison bytes back as they came, in the partition of their key', () =>
    withLog(async (log) => {
      const value = Buffer.concat([Buffer.from([0xc3, 0x28, 0x00, 0xff]), randomBytes(70_000)]);
      const key = 'u:main:山田';
      const { acked, error } = await log.append([
        { topic: topics.events, key, headers: {}, value },
        { topic: topics.events, key, headers: { ce_id: '1' }, value: Buffer.alloc(0) },
      ]);
      expect([acked, error]).toEqual([[true, true], undefined]);
      const { records } = await allOf(log, partitionOf(key), 2);
      expect(records.map((record) => record.value)).toEqual([value, Buffer.alloc(0)]);
      expect(records.every((record) => record.key?.toString() === key)).toBe(true);
    }));
}

async function allOf(log: EventLog, partition: number, count: number): Promise<Pick<RecordBatch, 'records'>> {
  const records: RecordBatch['records'] = [];
  const consumer = await log.consume(
    { group: 'raw', topics: [topics.urgent, topics.events], concurrency: 1, maxRecords: 100 },
    {
      assigned: ({ begin }) => Promise.resolve({ start: begin }),
      batch: (batch) => {
        if (batch.topic === topics.events && batch.partition === partition) records.push(...batch.records);
        return Promise.resolve({ kind: 'done', next: batch.nextPosition });
      },
      alive: () => undefined,
    },
  );
  await until('the records', () => records.length >= count);
  await consumer.stop();
  expect(records.map(({ position }) => position)).toEqual(Array.from({ length: count }, (_, n) => n));
  return { records };
}
