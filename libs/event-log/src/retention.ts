import type { EventLogConfig } from './event-log.config.js';

const dayMs = 86_400_000;
/** Kafka removes whole segments, and one spans up to a week. */
const segmentDays = 7;

/** Until when a record that is on the log at `now` may stay there, ms. */
export function heldUntil(config: Pick<EventLogConfig, 'EVENT_LOG' | 'EVENT_LOG_RETENTION_DAYS'>, now: number): number {
  const days = config.EVENT_LOG_RETENTION_DAYS + 1 + (config.EVENT_LOG === 'kafka' ? segmentDays : 0);
  return now + days * dayMs;
}
