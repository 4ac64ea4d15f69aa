export * from './port.js';
export { createEventLog } from './create.js';
export { eventLogConfig, type EventLogConfig } from './event-log.config.js';
export { assertMode, type LogMode } from './mode.js';
export { drainToKafka, type DrainReport } from './drain.js';
export { KafkaLog } from './kafka/kafka-log.js';
export { PostgresLog } from './postgres/postgres-log.js';
export { partitionOf } from './partition-of.js';
