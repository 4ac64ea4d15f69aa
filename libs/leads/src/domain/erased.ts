import { hash } from 'node:crypto';
import type { LeadEvent } from './event.js';
import { anonKey, emailKey, strongKeyOf, userKey, type SubjectKey } from './keys.js';

/** What a key is known by once its person is erased. Under a prefix of its own, so that it equals no suppression hash. */
export const erasedHash = (key: string): string => hash('sha256', `leadfold-erased\n${key}`, 'hex');

/** FNV-1a over the key: tells at once, and without a digest, that nearly every key is nobody's who was erased. 31 bits. */
export function sieveOf(key: string): number {
  let hashed = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) hashed = Math.imul(hashed ^ key.charCodeAt(at), 0x01000193);
  return hashed >>> 1;
}

/** A delivery that an erased person got: what a mail client says of it later is about nobody. */
export const deliveryKey = (deliveryId: string): string => `d:${deliveryId}`;
/** An event of theirs that was or may be judged: the judgement names nothing else. */
export const judgedKey = (eventId: string): string => `i:${eventId}`;

/** Everything that an event is about, by which it may be an erased person's. A browser only where nobody else is named. */
export function keysNamedBy(event: LeadEvent): string[] {
  const names: SubjectKey[] = [];
  if (event.userId !== undefined) names.push(userKey(event.userId));
  if (event.email !== undefined) names.push(emailKey(event.email));
  if (event.otherKey !== undefined) names.push(event.otherKey);
  if (event.anonymousId !== undefined && strongKeyOf(event) === undefined) names.push(anonKey(event.anonymousId));
  if (event.refersTo !== undefined) names.push(judgedKey(event.refersTo));
  const delivery = event.properties['deliveryId'];
  if (typeof delivery === 'string') names.push(deliveryKey(delivery));
  return names;
}

/** One row of `erased_key`. Times in ms. */
export interface ErasedKey {
  hash: string;
  sieve: number;
  occurredBefore: number;
  receivedBefore: number;
  ownedFrom: number;
  ownedUntil: number;
}

/** Looks events up among erased keys. By the event's own times alone, so that a replay drops the same. */
export class ErasedIndex {
  private readonly rows = new Map<string, ErasedKey[]>();
  /** Sixteen slots or more for each key: one in sixteen others passes at the most. A power of two. */
  private readonly slots: Uint8Array;

  constructor(keys: readonly ErasedKey[]) {
    this.slots = new Uint8Array(2 ** Math.ceil(Math.log2(16 * Math.max(1, keys.length))));
    for (const row of keys) {
      const same = this.rows.get(row.hash);
      if (same) same.push(row);
      else this.rows.set(row.hash, [row]);
      this.slots[row.sieve & (this.slots.length - 1)] = 1;
    }
  }

  has(event: LeadEvent): boolean {
    if (this.rows.size === 0) return false;
    const at = Math.min(event.occurredAt, event.receivedAt);
    return keysNamedBy(event).some((name) =>
      this.rowsOf(name)?.some(
        (row) =>
          at < row.occurredBefore &&
          event.receivedAt < row.receivedBefore &&
          event.occurredAt >= row.ownedFrom &&
          event.occurredAt < row.ownedUntil,
      ),
    );
  }

  /** A record that cannot be read tells no time: its key alone decides. */
  hasRecordKey(key: string): boolean {
    return [userKey(key), emailKey(key), anonKey(key)].some((name) =>
      this.rowsOf(name)?.some((row) => row.ownedFrom === -Infinity && row.ownedUntil === Infinity),
    );
  }

  private rowsOf(name: string): readonly ErasedKey[] | undefined {
    return this.slots[sieveOf(name) & (this.slots.length - 1)] === 1 ? this.rows.get(erasedHash(name)) : undefined;
  }
}
