import type { EventLog } from '#libs/event-log';
import type { Logger } from '#libs/platform';
import type { SourceDirectory } from '#libs/sources';
import type { CollectorConfig } from './collector.config.js';
import type { CollectorMetrics } from './collector-metrics.js';

/** What the routes share. */
export interface CollectorParts {
  config: CollectorConfig;
  log: Logger;
  eventLog: EventLog;
  sources: SourceDirectory;
  metrics: CollectorMetrics;
  inFlight: InFlight;
}

/** Bytes of requests between their first header and their answer. */
export class InFlight {
  bytes = 0;
}
