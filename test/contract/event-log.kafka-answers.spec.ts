import { describe, expect, test } from '@jest/globals';
import { Partitioners } from 'kafkajs';
import { acknowledged, sendChecked } from '../../libs/event-log/src/kafka/kafka-producer.js';
import { partitionCount, partitionOf, topics } from '#libs/event-log';

const records = Array.from({ length: 24 }, (_, n) => ({ topic: topics.events, partition: n % 12, key: `a:${n}`, headers: {}, value: `${n}` }));
const named = (...partitions: number[]) => partitions.map((partition) => ({ topicName: `p.${topics.events}`, partition, errorCode: 0 }));

describe('the answer to a produce request', () => {
  test('I3: names the partitions that are durable; success alone acknowledges nothing', async () => {
    const sent: number[] = [];
    const { acked, error } = await sendChecked(records, (open) => {
      sent.push(open.length);
      return Promise.resolve(acknowledged(named(0, 1, 2), 'p.'));
    });
    expect(acked).toEqual(records.map((record) => record.partition < 3));
    expect(error?.message).toMatch(/does not name every partition/);
    expect(sent[0]).toBe(24);
    expect(new Set(sent.slice(1))).toEqual(new Set([18]));
  });

  test('I3: what the answer leaves out is sent again, and only that', async () => {
    const sent: number[][] = [];
    const { acked, error } = await sendChecked(records, (open) => {
      sent.push([...new Set(open.map((record) => record.partition))]);
      return Promise.resolve(acknowledged(sent.length === 1 ? named(0, 1, 2, 3, 4, 5) : named(6, 7, 8, 9, 10, 11), 'p.'));
    });
    expect(error).toBeUndefined();
    expect(acked.every(Boolean)).toBe(true);
    expect(sent).toEqual([[...Array(12).keys()], [6, 7, 8, 9, 10, 11]]);
  });

  test('I3: an error code acknowledges nothing, whatever else the answer says', () => {
    const answer = [...named(1), { topicName: `p.${topics.events}`, partition: 2, errorCode: 6 }];
    expect([...acknowledged(answer, 'p.')]).toEqual([`${topics.events}|1`]);
  });

  test('I3: a broker that says nothing is given up within the bound', async () => {
    const at = performance.now();
    const { acked, error } = await sendChecked(records.slice(0, 1), () => new Promise(() => undefined));
    expect(acked).toEqual([false]);
    expect(error).toBeDefined();
    expect(performance.now() - at).toBeLessThan(3_500);
  });
});

test('the partition of a key is the one that every Kafka client computes', () => {
  const partitioner = Partitioners.DefaultPartitioner();
  const partitionMetadata = Array.from({ length: partitionCount }, (_, partitionId) => ({
    partitionId, leader: 0, partitionErrorCode: 0, replicas: [0], isr: [0],
  }));
  for (let n = 0; n < 2_000; n += 1) {
    const key = ['a:', 'u:main:', 'e:山田'][n % 3]! + 'xyzé'.repeat(n % 7) + n;
    expect(partitionOf(key)).toBe(partitioner({ topic: 't', partitionMetadata, message: { key, value: '' } }));
  }
});
