import { setTimeout as delay } from 'node:timers/promises';
import { Partitioners, type Kafka, type Producer } from 'kafkajs';
import { within, type Logger } from '#libs/platform';
import { MicroBatch, type OutgoingRecord } from '../micro-batch.js';
import { partitionCount, topics, type AppendResult, type Topic } from '../port.js';
import { carryEncodedBatches, type EncodedMessage } from './encoded-produce.js';
import type { TopicNames } from './kafka-client.js';
import { encodeRecordBatch } from './record-batch.js';

const attemptsMs = 1_500;
const sendBoundMs = 2_500;
/** The broker's work and ours is per partition and request: under load fewer, larger ones cost half. */
const maxRecords = 2_000;

/** What `sendBatch` answers; a partition may be missing from it although the call "succeeded". */
export type ProduceAnswer = { topicName: string; partition: number; errorCode: number }[];

export class KafkaProducer {
  readonly batches: MicroBatch;
  private readonly producer: Producer;
  private connecting: Promise<void> | undefined;

  constructor(
    kafka: Kafka,
    private readonly names: TopicNames,
    private readonly log: Logger,
  ) {
    carryEncodedBatches();
    this.producer = kafka.producer({
      // a sequence that is used again after a failed send can lose acknowledged data; event ids remove duplicates
      idempotent: false,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 3, initialRetryTime: 50, factor: 0.2, multiplier: 2, maxRetryTime: 250 },
    });
    this.batches = new MicroBatch({ sendsInFlight: 2, maxRecords, send: (records) => this.send(records) });
  }

  private async send(records: OutgoingRecord[]): Promise<AppendResult> {
    const result = await sendChecked(records, (open) => this.produce(open));
    if (result.error)
      this.log.warn({ records: records.length, cause: result.error.message }, 'records not acknowledged');
    return result;
  }

  private async produce(records: OutgoingRecord[]): Promise<ReadonlySet<string>> {
    await (this.connecting ??= this.producer.connect().catch((error: Error) => {
      this.connecting = undefined;
      throw error;
    }));
    const answer: ProduceAnswer = await this.producer.sendBatch({
      acks: -1,
      timeout: 2_000,
      topicMessages: encodedByTopic(records).map(([topic, messages]) => ({
        topic: this.names.onBroker(topic),
        messages,
      })),
    });
    return acknowledged(answer, this.names.prefix);
  }

  async close(): Promise<void> {
    await this.batches.close();
    if (this.connecting) await within(2_000, this.producer.disconnect()).catch(() => undefined);
  }
}

function encodedByTopic(records: OutgoingRecord[]): [Topic, EncodedMessage[]][] {
  const now = Date.now();
  const byTopic = new Map<Topic, OutgoingRecord[][]>();
  for (const record of records) {
    let partitions = byTopic.get(record.topic);
    if (!partitions) byTopic.set(record.topic, (partitions = []));
    (partitions[record.partition] ??= []).push(record);
  }
  return [...byTopic].map(([topic, partitions]) => [
    topic,
    partitions.flatMap((each, partition) => ({
      partition,
      key: null,
      value: encodeRecordBatch(each, now),
      encoded: true,
    })),
  ]);
}

const placeName = (topic: string, partition: number): string => `${topic}|${partition}`;

/** Made once: a text made anew for each record would be most of what checking costs. */
const places = Object.fromEntries(
  Object.values(topics).map((topic) => [
    topic,
    Array.from({ length: partitionCount }, (_, partition) => placeName(topic, partition)),
  ]),
) as Record<Topic, string[]>;

const placeOf = ({ topic, partition }: OutgoingRecord): string => places[topic][partition]!;

/** The partitions that the answer names without an error. Success alone says nothing: a leader move drops records silently. */
export const acknowledged = (answer: ProduceAnswer, prefix: string): ReadonlySet<string> =>
  new Set(
    answer
      .filter((each) => each.errorCode === 0)
      .map(({ topicName, partition }) => placeName(topicName.slice(prefix.length), partition)),
  );

/** Sends until every record's partition is acknowledged or the time is up; never throws. */
export async function sendChecked(
  records: OutgoingRecord[],
  produce: (records: OutgoingRecord[]) => Promise<ReadonlySet<string>>,
): Promise<AppendResult> {
  const acked = new Array<boolean>(records.length).fill(false);
  const startedAt = performance.now();
  let open = records.map((_, index) => index);
  let error: Error | undefined;
  for (let attempt = 1; open.length > 0; attempt += 1) {
    const left = sendBoundMs - (performance.now() - startedAt);
    try {
      const places = await within(left, produce(open.map((index) => records[index]!)));
      open = open.filter((index) => !(acked[index] = places.has(placeOf(records[index]!))));
      error = open.length ? new Error('the answer does not name every partition') : undefined;
    } catch (failure) {
      error = failure as Error;
    }
    if (!error || performance.now() - startedAt > attemptsMs) break;
    await delay(25 * attempt);
  }
  return error ? { acked, error } : { acked };
}
