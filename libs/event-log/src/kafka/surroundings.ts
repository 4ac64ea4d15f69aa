import type { Kafka } from 'kafkajs';
import type { Logger } from '#libs/platform';
import type { Lanes } from '../lanes.js';
import type { ConsumeOptions, ConsumerHandlers, PartitionBounds, Topic } from '../port.js';
import type { TopicNames } from './kafka-client.js';

/** What every consumer of one log shares. */
export interface KafkaConsumerSurroundings {
  kafka: Kafka;
  /** Says whose consumer it is. */
  clientId: string;
  names: TopicNames;
  log: Logger;
  bounds(topic: Topic): Promise<PartitionBounds[]>;
}

/** What one topic's consumer knows of the others. */
export interface LaneOptions extends KafkaConsumerSurroundings {
  options: ConsumeOptions;
  handlers: ConsumerHandlers;
  lanes: Lanes;
  lane: number;
  topic: Topic;
  fail(error: Error): void;
}
