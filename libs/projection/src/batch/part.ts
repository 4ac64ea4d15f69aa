import type { RecordBatch, StoredRecord } from '#libs/event-log';
import type { Advance } from '../store/offset.store.js';
import type { DecodedBatch } from './decode.js';
import type { TakenOut } from './erased-keys.js';
import type { StoredBatch } from './store-events.js';

/** One partition's share of a transaction: its records as decoded for a fence that stands at `from`. */
export interface Part {
  batch: RecordBatch;
  from: number;
  decoded: DecodedBatch;
  takenOut: TakenOut;
}

/** What became of each partition's records (I4). Poison is found in storing only while one partition is alone. */
export function countParts(
  parts: readonly Part[],
  { fresh, duplicates, poison }: StoredBatch,
  conflicts: StoredBatch['duplicates'],
): Advance[] {
  const advances = parts.map(({ batch, from, decoded, takenOut }) => ({
    partition: batch.partition,
    from,
    to: decoded.end,
    counts: {
      stored: 0,
      quarantined: decoded.poison.length + poison.length,
      duplicates: 0,
      dropped: takenOut.dropped,
      conflicts: 0,
    },
  }));
  const owners = new Map<StoredRecord, Advance>();
  if (parts.length > 1)
    parts.forEach(({ decoded }, index) => {
      for (const { record } of decoded.events) owners.set(record, advances[index]!);
    });
  const countsOf = (record: StoredRecord) => (owners.get(record) ?? advances[0]!).counts;
  for (const { record } of fresh) countsOf(record).stored += 1;
  for (const { record } of duplicates) countsOf(record).duplicates += 1;
  for (const { record } of conflicts) countsOf(record).conflicts += 1;
  return advances;
}
