import { canonicalLead, makeZone, type LeadEvent, type LeadState, type Zone } from '#libs/leads/domain';
import { sha256 } from '#libs/leads/domain';
import type { Pool } from '#libs/platform';
import { defaultSettings, presentKeys, type Rulebook } from '#libs/projection';
import { naiveFold } from '../../test/oracle/naive-fold.js';

export const zone: Zone = makeZone('Asia/Tokyo');

/**
 * One hash per lead, by the slow definition. It takes the square of the events it is given, so each lead's are given by
 * themselves: in this workload no two leads share a key.
 */
export function oracleHashes(events: readonly LeadEvent[], rulebook: Rulebook): string[] {
  const byLead = new Map<string, LeadEvent[]>();
  for (const event of events) {
    const own = byLead.get(event.anonymousId!);
    if (own) own.push(event);
    else byLead.set(event.anonymousId!, [event]);
  }
  const signals = rulebook.signals.all;
  return [...byLead.values()]
    .flatMap((own) => [...naiveFold(own, signals, zone, defaultSettings)])
    .map(([keys, state]) => sha256(canonicalLead([keys], state)))
    .sort();
}

/** The same of what the projector left in the database. */
export async function storedHashes(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ id: number; state: LeadState }>(
    'select id, state from lead where merged_into is null',
  );
  const keys = await presentKeys(
    pool,
    rows.map((row) => row.id),
  );
  return rows
    .flatMap((row) =>
      keys.has(row.id) ? [sha256(canonicalLead([[...keys.get(row.id)!].sort().join(' ')], row.state))] : [],
    )
    .sort();
}

export function differences(expected: readonly string[], found: readonly string[]): number {
  const rest = new Map<string, number>();
  for (const hash of expected) rest.set(hash, (rest.get(hash) ?? 0) + 1);
  let strangers = 0;
  for (const hash of found) {
    const left = rest.get(hash) ?? 0;
    if (left > 0) rest.set(hash, left - 1);
    else strangers += 1;
  }
  return strangers + [...rest.values()].reduce((sum, left) => sum + left, 0);
}
