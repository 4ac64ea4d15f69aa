import type { Logger } from '#libs/platform';
import type { EventLogConfig } from './event-log.config.js';
import { KafkaLog } from './kafka/kafka-log.js';
import type { EventLog } from './port.js';
import { PostgresLog } from './postgres/postgres-log.js';

/** The log this deployment uses. DATABASE_URL serves the embedded log only. */
export function createEventLog(config: EventLogConfig & { DATABASE_URL: string }, log: Logger): EventLog {
  if (config.EVENT_LOG === 'kafka') return new KafkaLog(config, log);
  return new PostgresLog({ url: config.DATABASE_URL, retentionDays: config.EVENT_LOG_RETENTION_DAYS }, log);
}
