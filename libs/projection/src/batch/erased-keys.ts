import { ErasedIndex, type ErasedKey } from '#libs/leads/domain';
import { blankedHeader } from '#libs/event-log';
import type { Queryable } from '#libs/platform';
import type { DecodedBatch } from './decode.js';

const ms = (column: string, unset: string): string =>
  `coalesce(extract(epoch from ${column}) * 1000, '${unset}')::float8`;

/** All that may still meet a record: the log may be read again from a restored offset. */
export async function readErased(db: Queryable): Promise<ErasedIndex> {
  const result = await db.query<ErasedKey>(
    `select hash, sieve, ${ms('occurred_before', 'infinity')} as "occurredBefore", ${ms('received_before', 'infinity')} as "receivedBefore",
        ${ms('owned_from', '-infinity')} as "ownedFrom", ${ms('owned_until', 'infinity')} as "ownedUntil"
      from erased_key where received_before > leadfold_now()`,
  );
  return new ErasedIndex(result.rows);
}

/** Somebody was erased since the keys were read: everything is undone, and done again without what is theirs. */
export class ErasedMoved extends Error {}

/**
 * What the log still holds of erased people. A batch takes it out before it begins, and asks under the rulebook lock, which
 * an erasure takes exclusively, whether it knew all keys: no batch that began before an erasure commits after it.
 */
export class ErasedKeys {
  private latest = 0;
  private index = new ErasedIndex([]);

  takeOut(decoded: DecodedBatch): TakenOut {
    const { latest, index } = this;
    if (latest === 0) return { dropped: 0, latest };
    const before = decoded.events.length + decoded.poison.length;
    decoded.events = decoded.events.filter(({ event }) => !index.has(event));
    decoded.poison = decoded.poison.filter(
      ({ record }) =>
        record.headers[blankedHeader] === undefined && !index.hasRecordKey(record.key?.toString('utf8') ?? ''),
    );
    return { dropped: before - decoded.events.length - decoded.poison.length, latest };
  }

  async learn(db: Queryable): Promise<void> {
    const found = await db.query<{ latest: number }>('select coalesce(max(nr), 0) as latest from erased_key');
    this.index = await readErased(db);
    this.latest = found.rows[0]!.latest;
  }
}

export interface TakenOut {
  dropped: number;
  /** The latest key that was known then: another partition may have learnt more since. */
  latest: number;
}

/** `latest` is the number of the latest erased key, as the fence read it. */
export function assertKnown(known: TakenOut, latest: number): void {
  if (latest !== known.latest) throw new ErasedMoved('somebody was erased meanwhile');
}
