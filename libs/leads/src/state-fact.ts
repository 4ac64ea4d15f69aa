import { topics, type EventLog, type LogRecord, type Topic } from '#libs/event-log';
import { DomainError } from '#libs/platform';
import { encodeEvent, recordKeyOf, type LeadEvent } from './domain/index.js';

export const recordOf = (event: LeadEvent, topic: Topic = topics.events): LogRecord => ({
  topic,
  ...encodeEvent(event, recordKeyOf(event)),
});

/**
 * States a fact about a lead on the log, where every fact enters. Returns its id once the log holds it durably; throws
 * `log-away` (503) when it does not, and then the fact may be stated again under the same id.
 */
export async function stateFact(log: EventLog, event: LeadEvent, topic: Topic = topics.urgent): Promise<string> {
  const { acked, error } = await log.append([recordOf(event, topic)]);
  if (!acked[0])
    throw new DomainError('log-away', 'The event log does not take records right now. Try again.', {
      status: 503,
      cause: error,
    });
  return event.id;
}
