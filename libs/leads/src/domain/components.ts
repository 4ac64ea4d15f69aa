import type { SubjectKey } from './keys.js';
import type { LinkPair } from './identity.js';

export interface Link extends LinkPair {
  /** occurredAt and id of the event that states it. */
  at: number;
  event: string;
}

export interface SkippedLink extends Link {
  reason: 'key-limit' | 'apart';
}

export interface Components {
  /** Every linked key's component, named by its smallest key; a key without a link is its own. */
  rootOf(key: SubjectKey): SubjectKey;
  /** Sorted keys of a key's component. */
  membersOf(key: SubjectKey): SubjectKey[];
  readonly skipped: SkippedLink[];
}

export const defaultKeyLimit = 50;

export const byTimeAndEvent = (a: { at: number; event: string }, b: { at: number; event: string }): number =>
  a.at - b.at || (a.event < b.event ? -1 : a.event > b.event ? 1 : 0);

/**
 * Joins links in the order of (at, event). One that would make a component of more than `keyLimit` keys, or join two keys
 * held apart, is skipped: so a late link may split what stood joined.
 */
export function joinComponents(links: Iterable<Link>, aparts: Iterable<LinkPair>, keyLimit: number): Components {
  const components = new Map<SubjectKey, Set<SubjectKey>>();
  const apartFrom = new Map<SubjectKey, SubjectKey[]>();
  for (const { a, b } of aparts) {
    apartFrom.set(a, [...(apartFrom.get(a) ?? []), b]);
    apartFrom.set(b, [...(apartFrom.get(b) ?? []), a]);
  }
  const componentOf = (key: SubjectKey): Set<SubjectKey> => {
    const known = components.get(key) ?? new Set([key]);
    components.set(key, known);
    return known;
  };
  const skipped: SkippedLink[] = [];
  for (const link of [...links].sort(byTimeAndEvent)) {
    const left = componentOf(link.a);
    const right = componentOf(link.b);
    if (left === right) continue;
    const [small, large] = left.size < right.size ? [left, right] : [right, left];
    if ([...small].some((key) => apartFrom.get(key)?.some((other) => large.has(other))))
      skipped.push({ ...link, reason: 'apart' });
    else if (small.size + large.size > keyLimit) skipped.push({ ...link, reason: 'key-limit' });
    else
      for (const key of small) {
        large.add(key);
        components.set(key, large);
      }
  }
  const sorted = new Map<Set<SubjectKey>, SubjectKey[]>();
  const membersOf = (key: SubjectKey): SubjectKey[] => {
    const members = components.get(key);
    if (members === undefined) return [key];
    const list = sorted.get(members) ?? [...members].sort();
    sorted.set(members, list);
    return list;
  };
  return { rootOf: (key) => membersOf(key)[0]!, membersOf, skipped };
}
