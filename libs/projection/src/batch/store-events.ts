import { classifySqlFailure, sqlStateOf, type PoolClient } from '#libs/platform';
import { countConflicts, insertEvents, type IncomingEvent } from '../store/event.store.js';
import type { DecodedBatch, Poison } from './decode.js';

export interface StoredBatch {
  /** Newly stored, in order of arrival. */
  fresh: IncomingEvent[];
  poison: Poison[];
  duplicates: number;
  conflicts: number;
}

type Arrived = DecodedBatch['events'][number];

/** Stores what is new. `isolate`: a data failure is known to lie in here, so halves are tried between savepoints. */
export async function storeEvents(
  client: PoolClient,
  batch: number,
  decoded: DecodedBatch,
  isolate: boolean,
): Promise<StoredBatch> {
  const first = new Map<string, Arrived>();
  const repeated: Arrived[] = [];
  for (const arrived of decoded.events) {
    if (first.has(arrived.event.id)) repeated.push(arrived);
    else first.set(arrived.event.id, arrived);
  }
  const poison: Poison[] = [];
  const arrivals = [...first.values()];
  const before = isolate
    ? await insertHalves(client, batch, arrivals, poison)
    : await insertEvents(client, batch, arrivals);
  const rejected = new Set(poison.map((one) => one.record.position));
  const known = arrivals.filter((arrived) => before.has(arrived.event.id));
  const fresh = arrivals.filter((arrived) => !before.has(arrived.event.id) && !rejected.has(arrived.record.position));
  return {
    fresh,
    poison,
    duplicates: known.length + repeated.length,
    conflicts: await countConflicts(client, [...known, ...repeated]),
  };
}

async function insertHalves(
  client: PoolClient,
  batch: number,
  arrivals: readonly Arrived[],
  poison: Poison[],
): Promise<Set<string>> {
  await client.query('savepoint store_events');
  try {
    const before = await insertEvents(client, batch, arrivals);
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
    const left = await insertHalves(client, batch, arrivals.slice(0, middle), poison);
    const right = await insertHalves(client, batch, arrivals.slice(middle), poison);
    return new Set([...left, ...right]);
  }
}
