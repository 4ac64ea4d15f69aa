import { topics, type EventLog, type LogRecord } from '#libs/event-log';
import { encodeEvent, recordKeyOf, type LeadEvent } from '#libs/leads/domain';
import { sourceId } from './bench-system.js';
import { leadEventOf, workload, type WorkloadOptions } from './workload.js';

export interface LogWorkload {
  records: LogRecord[];
  /** Each event once, in order of its first arrival. */
  unique: LeadEvent[];
  duplicates: number;
  malformed: number;
}

/** The workload as the collector would have put it on the log: what identifies or asks for a demo goes to the urgent lane. */
export function logWorkload(options: WorkloadOptions): LogWorkload {
  const made: LogWorkload = { records: [], unique: [], duplicates: 0, malformed: 0 };
  for (const item of workload(options)) {
    if (item.kind === 'malformed') {
      made.malformed += 1;
      const headers = {
        ce_specversion: '1.0',
        ce_id: item.messageId,
        ce_type: 'leadfold.track.v1',
        ce_time: new Date(options.until).toISOString(),
      };
      made.records.push({ topic: topics.events, key: item.messageId, headers, value: '{"properties":' });
      continue;
    }
    const event = leadEventOf(item.event, sourceId, options.until);
    made.records.push({
      topic: event.links ? topics.urgent : topics.events,
      ...encodeEvent(event, recordKeyOf(event)),
    });
    if (item.duplicate) made.duplicates += 1;
    else made.unique.push(event);
  }
  return made;
}

export async function appendAll(log: EventLog, records: LogRecord[]): Promise<void> {
  const size = 5_000;
  for (let from = 0; from < records.length; from += size) {
    const { acked, error } = await log.append(records.slice(from, from + size));
    if (!acked.every(Boolean)) throw error ?? new Error('the log did not take the workload');
  }
}
