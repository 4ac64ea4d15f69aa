import {
  anonKey,
  normalizeEmail,
  scopedUserId,
  userKey,
  type EventType,
  type Json,
  type JsonObject,
  type LeadEvent,
} from '#libs/leads/domain';
import { foldName, type Source } from '#libs/sources/domain';
import { contextOf, type Surroundings } from './context.js';
import { isJunkId } from './junk-id.js';
import { limits } from './limits.js';
import { isObject } from './parse-body.js';
import { timesOf } from './times.js';
import { refuse, type Refusal } from './verdict.js';

export interface Request extends Surroundings {
  source: Source;
  batch: JsonObject;
  routeType: string | undefined;
  sentHeader: string | undefined;
  eventId(messageId: string): string;
  newMessageId(): string;
}

export interface Normalised {
  ok: true;
  event: LeadEvent;
  urgent: boolean;
  /** Fields whose placeholder was left out. */
  junk: readonly string[];
}

const collected: Readonly<Record<string, EventType>> = {
  track: 'track',
  identify: 'identify',
  page: 'page',
  screen: 'screen',
  group: 'group',
  alias: 'alias',
};

/** One event of the tracking protocol as a fact about a lead, or which of its fields is wrong. */
export function normalise(raw: JsonObject, request: Request): Normalised | Refusal {
  const given = raw['type'] ?? request.routeType;
  const type = typeof given === 'string' && Object.hasOwn(collected, given) ? collected[given] : undefined;
  if (!type) return refuse('unknown-type', 'type is none of track, identify, page, screen, group, alias', 'type');
  const ids = idsOf(raw);
  if (!ids.ok) return ids;
  const times = timesOf(raw, request.batch, request.sentHeader, request.receivedAt);
  if (!times.ok) return times;
  const parts = partsOf(type, raw, ids, request.source);
  if (!parts.ok) return parts;
  const event: LeadEvent = {
    id: request.eventId(ids.messageId ?? request.newMessageId()),
    type,
    source: request.source.id,
    occurredAt: times.occurredAt,
    receivedAt: request.receivedAt,
    ...(ids.anonymousId !== undefined && { anonymousId: ids.anonymousId }),
    ...(ids.userId !== undefined && { userId: scopedUserId(request.source.idSpace, ids.userId) }),
    ...parts.fields,
    context: contextOf(raw, request.batch, times, request),
  };
  return { ok: true, event, urgent: parts.urgent, junk: ids.junk };
}

interface Ids {
  ok: true;
  messageId?: string;
  anonymousId?: string;
  userId?: string;
  previousId?: string;
  groupId?: string;
  junk: string[];
}

const idFields = ['messageId', 'anonymousId', 'userId', 'previousId', 'groupId'] as const;

function idsOf(raw: JsonObject): Ids | Refusal {
  const ids: Ids = { ok: true, junk: [] };
  for (const field of idFields) {
    const value = raw[field];
    if (value === undefined || value === null || value === '') continue;
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text !== 'string') return refuse('bad-id', `${field} is no string`, field);
    const limit = field === 'messageId' ? limits.messageIdLength : limits.idLength;
    if (text.length > limit) return refuse('id-too-long', `${field} has ${limit} characters at most`, field);
    if (text.trim() === '') continue;
    if (isPersonal(field) && isJunkId(text)) ids.junk.push(field);
    else ids[field] = text;
  }
  if (ids.userId === undefined && ids.anonymousId === undefined) {
    const [junk] = ids.junk;
    if (junk !== undefined)
      return refuse('junk-id', `${junk} is a placeholder: it would make one person of everybody`, junk);
    return refuse('no-identity', 'one of userId and anonymousId is required', 'userId');
  }
  return ids;
}

const isPersonal = (field: (typeof idFields)[number]): boolean => field !== 'messageId' && field !== 'groupId';

interface Parts {
  ok: true;
  urgent: boolean;
  fields: Pick<LeadEvent, 'properties'> & Partial<LeadEvent>;
}

function partsOf(type: EventType, raw: JsonObject, ids: Ids, source: Source): Parts | Refusal {
  for (const field of ['properties', 'traits', 'context'])
    if (raw[field] !== undefined && raw[field] !== null && !isObject(raw[field]))
      return refuse('bad-shape', `${field} is no object`, field);
  const properties = withoutDirect(isObject(raw['properties']) ? raw['properties'] : {});
  switch (type) {
    case 'track':
      return trackOf(raw, properties, source);
    case 'identify': {
      const traits = traitsOf(raw);
      const email = emailOf(traits);
      return { ok: true, urgent: true, fields: { links: true, ...(email && { email }), properties, traits } };
    }
    case 'alias':
      return aliasOf(ids, source, properties);
    case 'group': {
      const groupId = ids.groupId ?? textOf(contextField(raw, 'groupId'));
      if (groupId === undefined) return refuse('no-group', 'groupId is required', 'groupId');
      return { ok: true, urgent: false, fields: { groupId, properties, traits: traitsOf(raw) } };
    }
    default: {
      const name = textOf(raw['name']) ?? textOf(properties['name']);
      if (name !== undefined && name.length > limits.nameLength) return tooLong('name');
      return { ok: true, urgent: false, fields: { ...(name !== undefined && { name }), properties } };
    }
  }
}

function trackOf(raw: JsonObject, properties: JsonObject, source: Source): Parts | Refusal {
  const name = textOf(raw['event']);
  if (name === undefined) return refuse('no-event-name', 'event is required', 'event');
  if (name.length > limits.nameLength) return tooLong('event');
  const folded = foldName(name);
  const fields: Parts['fields'] = { name, properties };
  const ownTraits = isObject(raw['traits']) ? raw['traits'] : {};
  const isForm = source.formEvents.has(folded);
  const email = isForm
    ? (emailOf(properties) ?? emailOf(ownTraits) ?? emailOf(contextField(raw, 'traits')))
    : undefined;
  if (email !== undefined) Object.assign(fields, { links: true, email });
  if (isForm && Object.keys(ownTraits).length) fields.traits = ownTraits;
  return { ok: true, urgent: email !== undefined || source.urgentEvents.has(folded), fields };
}

/** previousId equal to the anonymousId identifies that browser; any other is an earlier userId of the same space. */
function aliasOf(ids: Ids, source: Source, properties: JsonObject): Parts | Refusal {
  if (ids.userId === undefined) return refuse('no-identity', 'userId is required', 'userId');
  if (ids.previousId === undefined) return refuse('no-previous-id', 'previousId is required', 'previousId');
  const otherKey =
    ids.previousId === ids.anonymousId
      ? anonKey(ids.previousId)
      : userKey(scopedUserId(source.idSpace, ids.previousId));
  return { ok: true, urgent: true, fields: { links: true, otherKey, properties } };
}

/** Rudder's browser SDK keeps the traits of identify in the context. */
function traitsOf(raw: JsonObject): JsonObject {
  const own = raw['traits'];
  if (isObject(own) && Object.keys(own).length) return own;
  const inContext = contextField(raw, 'traits');
  return isObject(inContext) ? inContext : {};
}

const contextField = (raw: JsonObject, field: string): Json | undefined =>
  isObject(raw['context']) ? raw['context'][field] : undefined;

const textOf = (value: Json | undefined): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value : undefined;

const tooLong = (field: string): Refusal =>
  refuse('name-too-long', `${field} has ${limits.nameLength} characters at most`, field);

/** What cannot be an address is no key; the field stays among the traits. */
function emailOf(holder: Json | undefined): string | undefined {
  if (!isObject(holder)) return undefined;
  const raw = holder['email'] ?? holder['Email'] ?? holder['メールアドレス'];
  if (typeof raw !== 'string' || raw.length > 254) return undefined;
  const email = normalizeEmail(raw);
  return email.length <= 254 && /^[^\s@<>"]+@[^\s@<>"]+$/.test(email) ? email : undefined;
}

/** Rudder says `$direct` where there was no referrer. */
function withoutDirect(properties: JsonObject): JsonObject {
  if (properties['referrer'] !== '$direct' && properties['initial_referrer'] !== '$direct') return properties;
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== '$direct'));
}
