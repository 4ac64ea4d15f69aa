import { classifySqlFailure, sqlStateOf, type Queryable } from '#libs/platform';
import { insertEvents } from '../store/event.store.js';
import type { Arrived, DecodedBatch, Poison } from './decode.js';

/** A transaction's events by id: each once, and those that it holds again. */
export interface Arrivals {
  first: Arrived[];
  repeated: Arrived[];
}

export interface StoredBatch {
  /** Newly stored, in order of arrival. */
  fresh: Arrived[];
  duplicates: Arrived[];
  poison: Poison[];
}

export function arrivalsOf(parts: Iterable<{ decoded: DecodedBatch }>): Arrivals {
  const ids = new Set<string>();
  const arrivals: Arrivals = { first: [], repeated: [] };
  for (const { decoded } of parts)
    for (const arrived of decoded.events) {
      if (ids.has(arrived.event.id)) arrivals.repeated.push(arrived);
      else arrivals.first.push(arrived);
      ids.add(arrived.event.id);
    }
  return arrivals;
}

/** Stores what is new. `isolate`: a data failure is known to lie in here, so halves are tried between savepoints. */
export async function storeEvents(
  client: Queryable,
  { first, repeated }: Arrivals,
  isolate: boolean,
): Promise<StoredBatch> {
  const poison: Poison[] = [];
  const before = isolate ? await insertHalves(client, first, poison) : await insertEvents(client, first);
  const stored: StoredBatch = { fresh: first, duplicates: repeated, poison };
  if (before.size === 0 && poison.length === 0) return stored;
  const rejected = new Set(poison.map((one) => one.record.position));
  stored.fresh = first.filter(({ event, record }) => !before.has(event.id) && !rejected.has(record.position));
  stored.duplicates = [...first.filter(({ event }) => before.has(event.id)), ...repeated];
  return stored;
}

async function insertHalves(client: Queryable, arrivals: readonly Arrived[], poison: Poison[]): Promise<Set<string>> {
  await client.query('savepoint store_events');
  try {
    const before = await insertEvents(client, arrivals);
    await client.query('release savepoint store_events');
    return before;
  } catch (error) {
    if (classifySqlFailure(error) !== 'data') throw error;
    await client.query('rollback to savepoint store_events');
    if (arrivals.length === 1) {
      poison.push({ record: arrivals[0]!.record, code: `sql-${sqlStateOf(error)}`, detail: (error as Error).message });
      return new Set();
    }
    const middle = arrivals.length >>> 1;
    const left = await insertHalves(client, arrivals.slice(0, middle), poison);
    const right = await insertHalves(client, arrivals.slice(middle), poison);
    return new Set([...left, ...right]);
  }
}
