import type { Json, JsonObject } from '#libs/leads/domain';
import { limits } from './limits.js';
import { refuse, type Refusal } from './verdict.js';

export interface Times {
  ok: true;
  occurredAt: number;
  /** As the client said, for debugging. */
  original?: number;
  sent?: number;
}

/**
 * occurredAt = receivedAt − (sent − original): the client's clock may be wrong, its differences are not. Never later than
 * receivedAt. History that is imported keeps its age, because its sentAt is fresh.
 */
export function timesOf(
  event: JsonObject,
  batch: JsonObject,
  sentHeader: string | undefined,
  receivedAt: number,
): Times | Refusal {
  const original = instant(event['originalTimestamp'] ?? event['timestamp'] ?? batch['timestamp']);
  if (Number.isNaN(original)) return refuse('bad-timestamp', 'timestamp is no instant from 2000 to 2100', 'timestamp');
  const sent = instant(event['sentAt'] ?? batch['sentAt'] ?? sentHeader);
  if (Number.isNaN(sent)) return refuse('bad-timestamp', 'sentAt is no instant from 2000 to 2100', 'sentAt');
  const corrected =
    original === undefined ? receivedAt : sent === undefined ? original : receivedAt - (sent - original);
  const occurredAt = Math.min(corrected, receivedAt);
  if (occurredAt < limits.earliest)
    return refuse('bad-timestamp', 'the event is older than the year 2000', 'timestamp');
  return { ok: true, occurredAt, ...(original !== undefined && { original }), ...(sent !== undefined && { sent }) };
}

/** Absent is undefined, wrong is NaN. Numbers are milliseconds since 1970. */
function instant(value: Json | undefined): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const ms = typeof value === 'number' ? Math.trunc(value) : typeof value === 'string' ? Date.parse(value) : NaN;
  return ms >= limits.earliest && ms < limits.latest ? ms : NaN;
}
