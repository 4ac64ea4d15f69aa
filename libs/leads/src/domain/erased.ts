import { hash } from 'node:crypto';
import type { LeadEvent } from './event.js';
import { anonKey, emailKey, strongKeyOf, userKey, type SubjectKey } from './keys.js';

/** What a key is known by once its person is erased. Under a prefix of its own, so that it equals no suppression hash. */
export const erasedHash = (key: string): string => hash('sha256', `leadfold-erased\n${key}`, 'hex');

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
  occurredBefore: number;
  receivedBefore: number;
  ownedFrom: number;
  ownedUntil: number;
}

/** Looks events up among erased keys. By the event's own times alone, so that a replay drops the same. */
export class ErasedIndex {
  private readonly rows = new Map<string, ErasedKey[]>();

  constructor(rows: Iterable<ErasedKey>) {
    for (const row of rows) this.rows.set(row.hash, [...(this.rows.get(row.hash) ?? []), row]);
  }

  has(event: LeadEvent): boolean {
    if (this.rows.size === 0) return false;
    const at = Math.min(event.occurredAt, event.receivedAt);
    return keysNamedBy(event).some((name) =>
      this.rows
        .get(erasedHash(name))
        ?.some(
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
      this.rows.get(erasedHash(name))?.some((row) => row.ownedFrom === -Infinity && row.ownedUntil === Infinity),
    );
  }
}
