import { setTimeout as delay } from 'node:timers/promises';
import type { Admin, Kafka } from 'kafkajs';
import { DomainError, within, type Logger } from '#libs/platform';
import type { EventLogConfig } from '../event-log.config.js';
import type { OutgoingRecord } from '../micro-batch.js';
import {
  partitionCount,
  topics,
  type AppendResult,
  type ConsumeOptions,
  type Consumer,
  type ConsumerHandlers,
  type EventLog,
  type LogRecord,
  type PartitionBounds,
  type Topic,
} from '../port.js';
import { createKafka, TopicNames } from './kafka-client.js';
import { consumeKafka } from './kafka-consumer.js';
import { KafkaProducer } from './kafka-producer.js';
import { nameConsumer } from './member-names.js';

const electedWithinMs = 1_500;
const madeWithinMs = 10_000;

export class KafkaLog implements EventLog {
  private readonly kafka: Kafka;
  private readonly names: TopicNames;
  private readonly producer: KafkaProducer;
  private admin: Promise<Admin> | undefined;
  private readonly consumers = new Set<Consumer>();

  constructor(
    private readonly config: EventLogConfig,
    private readonly log: Logger,
  ) {
    this.names = new TopicNames(config.KAFKA_TOPIC_PREFIX);
    this.kafka = createKafka(config, log, 'send');
    this.producer = new KafkaProducer(this.kafka, this.names, log);
  }

  append(records: LogRecord[]): Promise<AppendResult> {
    return this.producer.batches.append(records);
  }

  /** For draining another log into this one: bytes and partition as they are. */
  appendRaw(records: OutgoingRecord[]): Promise<AppendResult> {
    return this.producer.batches.appendRaw(records);
  }

  async consume(options: ConsumeOptions, handlers: ConsumerHandlers): Promise<Consumer> {
    const clientId = nameConsumer();
    const kafka = createKafka(this.config, this.log, 'consume', clientId);
    const bounds = (topic: Topic) => this.bounds(topic);
    const surroundings = { kafka, clientId, names: this.names, log: this.log, bounds };
    const consumer = await consumeKafka(surroundings, options, handlers);
    this.consumers.add(consumer);
    return consumer;
  }

  async prepare(): Promise<void> {
    const admin = await this.connectedAdmin();
    const existing = new Set(await admin.listTopics());
    const missing = Object.values(topics)
      .map((topic) => this.names.onBroker(topic))
      .filter((name) => !existing.has(name));
    if (missing.length) {
      const retentionMs = this.config.EVENT_LOG_RETENTION_DAYS * 86_400_000;
      await admin.createTopics({
        // the client's wait gives up where a broker does not know the topic yet
        waitForLeaders: false,
        timeout: madeWithinMs,
        topics: missing.map((topic) => ({
          topic,
          numPartitions: partitionCount,
          replicationFactor: this.config.KAFKA_REPLICATION,
          configEntries: [
            { name: 'retention.ms', value: String(retentionMs) },
            ...(this.config.KAFKA_REPLICATION > 2 ? [{ name: 'min.insync.replicas', value: '2' }] : []),
          ],
        })),
      });
    }
    await Promise.all(Object.values(topics).map((topic) => this.bounds(topic, madeWithinMs)));
    const metadata = await admin.fetchTopicMetadata({
      topics: Object.values(topics).map((topic) => this.names.onBroker(topic)),
    });
    for (const { name, partitions } of metadata.topics) {
      if (partitions.length === partitionCount) continue;
      // another count would send the records of a key to another partition
      throw new DomainError(
        'log-partitions',
        `Topic ${name} has ${partitions.length} partitions instead of ${partitionCount}.`,
      );
    }
  }

  async reachable(): Promise<boolean> {
    try {
      const admin = await within(2_000, this.connectedAdmin());
      const names = Object.values(topics).map((topic) => this.names.onBroker(topic));
      const { topics: found } = await within(2_000, admin.fetchTopicMetadata({ topics: names }));
      return found.every((topic) => topic.partitions.every((partition) => partition.leader >= 0));
    } catch {
      return false;
    }
  }

  /** Tries for a while: right after a start or during an election a partition has no leader. */
  async bounds(topic: Topic, patienceMs = electedWithinMs): Promise<PartitionBounds[]> {
    const end = performance.now() + patienceMs;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const offsets = await (await this.connectedAdmin()).fetchTopicOffsets(this.names.onBroker(topic));
        return offsets
          .map(({ partition, low, high }) => ({ topic, partition, begin: Number(low), end: Number(high) }))
          .sort((a, b) => a.partition - b.partition);
      } catch (error) {
        if (performance.now() > end) throw error;
        await delay(Math.min(50 * attempt, 350));
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.stop()));
    await this.producer.close();
    const admin = await this.admin?.catch(() => undefined);
    await admin?.disconnect().catch(() => undefined);
  }

  private connectedAdmin(): Promise<Admin> {
    return (this.admin ??= this.connectAdmin().catch((error: Error) => {
      this.admin = undefined;
      throw error;
    }));
  }

  private async connectAdmin(): Promise<Admin> {
    const admin = this.kafka.admin();
    await admin.connect();
    return admin;
  }
}
