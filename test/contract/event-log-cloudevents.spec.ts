import { expect, test } from '@jest/globals';
import { type CloudEvent, Kafka, type KafkaMessage } from 'cloudevents';
import { encodeEvent, recordKeyOf, type LeadEvent } from '#libs/leads/domain';

test('a record on the log is a CloudEvent 1.0 in binary mode, as the CloudEvents SDK reads it', () => {
  const event: LeadEvent = {
    id: '5f0c1d5e-7a94-5b0e-8b1e-2f6d1c9a0b11',
    type: 'track',
    source: 'web-1',
    occurredAt: Date.UTC(2026, 10, 1, 3, 4, 5, 678),
    receivedAt: Date.UTC(2026, 10, 1, 3, 4, 6),
    anonymousId: 'a-1',
    email: 'taro@example.co.jp',
    name: '資料請求',
    properties: { plan: '法人', 'nested': { deep: [1, 2.5, null] } },
  };
  const record = encodeEvent(event, recordKeyOf(event));
  const message: KafkaMessage = { key: record.key, headers: record.headers, body: record.value, value: record.value };
  expect(Kafka.isEvent(message)).toBe(true);
  const read = Kafka.toEvent(message) as CloudEvent<unknown> | CloudEvent<unknown>[];
  if (Array.isArray(read)) throw new Error('one event was expected');
  expect(read.validate()).toBe(true);
  expect(read).toMatchObject({
    specversion: '1.0', id: event.id, source: '/leadfold/web-1', type: 'leadfold.track.v1',
    time: '2026-11-01T03:04:05.678Z', datacontenttype: 'application/json',
  });
  const { id: _id, type: _type, source: _source, occurredAt: _at, ...data } = event;
  const body = typeof read.data === 'string' ? (JSON.parse(read.data) as unknown) : read.data;
  expect(body).toEqual(data);
});
