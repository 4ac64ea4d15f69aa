import { kindOf, type EventType, type JsonObject, type LeadEvent } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { plainArray } from './arrays.js';
import { binaryIds, binaryTexts, binaryTextsOf, binaryTimes } from './binary-arrays.js';
import { sameMessage } from './same-message.js';

export interface IncomingEvent {
  event: LeadEvent;
  /** The record's value as it came: valid UTF-8. */
  body: Buffer;
}

export interface EventRow {
  id: string;
  type: EventType;
  source: string;
  anon: string | null;
  uid: string | null;
  email: string | null;
  at: number;
  batch: number;
  body: JsonObject;
}

/** Qualified, because the hot statements join. `at` in ms. */
export const eventColumns = `e.id, e.type, e.source, e.anon, e.uid, e.email, (extract(epoch from e.occurred_at) * 1000)::bigint as at, e.batch, e.body`;

/** The subject keys come from the columns: they are what ownership is derived from. */
export function eventOf(row: EventRow): LeadEvent {
  const event = {
    ...(row.body as unknown as LeadEvent),
    id: row.id,
    type: row.type,
    source: row.source,
    occurredAt: row.at,
  };
  if (row.anon !== null) event.anonymousId = row.anon;
  if (row.uid !== null) event.userId = row.uid;
  if (row.email !== null) event.email = row.email;
  return event;
}

/**
 * Sorted by id, so that two batches that hold the same ids never wait for each other in a circle. Their batch is the one that
 * this connection has opened last. Returns the ids that were stored before, which are few.
 */
export async function insertEvents(client: Queryable, incoming: readonly IncomingEvent[]): Promise<Set<string>> {
  if (incoming.length === 0) return new Set();
  const sorted = [...incoming].sort((a, b) => (a.event.id < b.event.id ? -1 : 1));
  const column = <T>(read: (event: LeadEvent) => T): T[] => sorted.map(({ event }) => read(event));
  const result = await client.query<[string]>({
    name: 'leadfold-insert-events',
    rowMode: 'array',
    text: `with stored as (
        insert into event (id, kind, type, source, anon, uid, email, occurred_at, received_at, batch, refers_to, body)
        select id, kind, type, source, anon, uid, email, at, received, (select currval('batch_id_seq')), refers_to, body::jsonb
        from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[],
          $10::uuid[], $11::text[]) as t(id, kind, type, source, anon, uid, email, at, received, refers_to, body)
        on conflict (id) do nothing returning id)
      select id from unnest($1::uuid[]) as t(id) where id not in (select id from stored)`,
    values: [
      binaryIds(column((event) => event.id)),
      binaryTexts(column(kindOf)),
      binaryTexts(column((event) => event.type)),
      binaryTexts(column((event) => event.source)),
      binaryTexts(column((event) => event.anonymousId)),
      binaryTexts(column((event) => event.userId)),
      binaryTexts(column((event) => event.email)),
      binaryTimes(column((event) => event.occurredAt)),
      binaryTimes(column((event) => event.receivedAt)),
      binaryIds(column((event) => event.refersTo)),
      binaryTextsOf(sorted.map(({ body }) => body)),
    ],
  });
  return new Set(result.rows.map(([id]) => id));
}

/**
 * I5: which of these ids are stored with another type or body. A retry's recomputed times are not another body. Compared
 * here, not in SQL: a body that PostgreSQL refuses must not fail the batch for being a duplicate.
 */
export async function conflictsAmong<T extends IncomingEvent>(
  client: Queryable,
  duplicates: readonly T[],
): Promise<T[]> {
  if (duplicates.length === 0) return [];
  const result = await client.query<{ id: string; type: string; body: JsonObject }>({
    name: 'leadfold-read-duplicates',
    text: 'select id, type, body from event where id = any($1::uuid[])',
    values: [plainArray([...new Set(duplicates.map(({ event }) => event.id))])],
  });
  const stored = new Map(result.rows.map((row) => [row.id, row]));
  return duplicates.filter(({ event, body }) => {
    const first = stored.get(event.id);
    return first?.type !== event.type || !sameMessage(first.body, JSON.parse(body.toString()) as JsonObject);
  });
}
