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

/** Bytes of bodies between their arrival and their answer. */
export class InFlight {
  bytes = 0;
  private readonly held = new WeakMap<object, number>();

  constructor(private readonly limit: number) {}

  hasRoom(bytes: number): boolean {
    return this.bytes + bytes <= this.limit;
  }

  /** False when there is no room; what was taken is given back by `release`. */
  take(request: object, bytes: number): boolean {
    if (!this.hasRoom(bytes)) return false;
    this.bytes += bytes;
    this.held.set(request, (this.held.get(request) ?? 0) + bytes);
    return true;
  }

  release(request: object): void {
    this.bytes -= this.held.get(request) ?? 0;
    this.held.delete(request);
  }
}
