import { eventTypes, type EventType, type LeadEvent } from './event.js';

/** CloudEvents 1.0, Kafka binary content mode: attributes as `ce_` headers, the data as JSON in the value. */
export interface WireRecord {
  key: string;
  headers: Record<string, string>;
  value: string;
}

const typePrefix = 'leadfold.';
const typeSuffix = '.v1';

/** `leadfold.track.v1` */
export const wireTypeOf = (type: EventType): string => `${typePrefix}${type}${typeSuffix}`;

export function encodeEvent(event: LeadEvent, key: string): WireRecord {
  const { id, type, source, occurredAt } = event;
  // undefined is left out of JSON; a copy with exclusions costs several times as much
  const data = { ...event, id: undefined, type: undefined, source: undefined, occurredAt: undefined };
  return {
    key,
    headers: {
      ce_specversion: '1.0',
      ce_id: id,
      ce_source: `/leadfold/${source}`,
      ce_type: wireTypeOf(type),
      ce_time: new Date(occurredAt).toISOString(),
      'content-type': 'application/json',
    },
    value: JSON.stringify(data),
  };
}

export type Decoded = { ok: true; event: LeadEvent; body: string } | { ok: false; code: string; detail: string };

const typesByWire = new Map(
  (Object.keys(eventTypes) as EventType[])
    .filter((type) => type !== 'decision')
    .map((type) => [wireTypeOf(type), type]),
);

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const earliest = Date.UTC(2000, 0, 1);
const latest = Date.UTC(2100, 0, 1);

/**
 * The projector's own check of a record: whatever stands on the log, this returns. `body` is the value as it came, which
 * is what `event.body` stores.
 */
export function decodeEvent(headers: Record<string, string>, value: string): Decoded {
  const refuse = (code: string, detail: string): Decoded => ({ ok: false, code, detail });
  const id = headers['ce_id'];
  if (!id || !uuid.test(id)) return refuse('bad-id', 'ce_id is not a UUID');
  const type = typesByWire.get(headers['ce_type'] ?? '');
  if (type === undefined)
    return refuse('unknown-type', `ce_type ${JSON.stringify((headers['ce_type'] ?? '').slice(0, 80))}`);
  const occurredAt = Date.parse(headers['ce_time'] ?? '');
  if (!(occurredAt >= earliest && occurredAt < latest)) return refuse('bad-time', 'ce_time is outside 2000 to 2100');
  let data: Partial<LeadEvent>;
  try {
    data = JSON.parse(value) as Partial<LeadEvent>;
  } catch (error) {
    return refuse('bad-json', (error as Error).message);
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    return refuse('bad-body', 'the value is no object');
  const problem = problemOf(data, type);
  if (problem) return refuse('bad-body', problem);
  // the parsed object is nobody else's: what the headers say is put over whatever the body says
  const event = data as LeadEvent;
  event.id = id;
  event.type = type;
  event.source = sourceOf(headers['ce_source']);
  event.occurredAt = occurredAt;
  return { ok: true, event, body: value };
}

const sourcePrefix = '/leadfold/';
const sourceOf = (header = ''): string =>
  (header.startsWith(sourcePrefix) ? header.slice(sourcePrefix.length) : header) || 'unknown';

const keyFields = ['anonymousId', 'userId', 'email', 'name', 'refersTo', 'otherKey', 'groupId'] as const;
const maxKeyLength = 512;

function problemOf(data: Partial<LeadEvent>, type: EventType): string | undefined {
  if (!(typeof data.receivedAt === 'number' && data.receivedAt >= earliest && data.receivedAt < latest))
    return 'receivedAt is outside 2000 to 2100';
  for (const field of keyFields) {
    const value: unknown = data[field];
    if (value === undefined) continue;
    if (typeof value !== 'string' || value === '' || value.length > maxKeyLength)
      return `${field} is no string of 1 to ${maxKeyLength} characters`;
    if (value.includes('\0')) return `${field} holds a NUL character`;
  }
  if (data.refersTo !== undefined && !uuid.test(data.refersTo)) return 'refersTo is not a UUID';
  for (const field of ['properties', 'traits', 'context'] as const) {
    const value: unknown = data[field];
    if (
      value === undefined ? field === 'properties' : typeof value !== 'object' || value === null || Array.isArray(value)
    )
      return `${field} is no object`;
  }
  const judges = eventTypes[type] === 'judgement' || eventTypes[type] === 'retraction';
  if (judges && !data.refersTo) return 'refersTo is missing';
  if (!judges && !data.anonymousId && !data.userId && !data.email) return 'no subject key';
  if ((type === 'alias' || type === 'merge' || type === 'apart') && !/^[aue]:./.test(data.otherKey ?? ''))
    return 'otherKey is no subject key';
  return undefined;
}
