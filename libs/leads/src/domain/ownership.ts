import { byTimeAndEvent } from './components.js';
import type { SubjectKey } from './keys.js';

/** One row of `identification`, of one anonymousId. */
export interface Identification {
  at: number;
  event: string;
  strong: SubjectKey;
}

/** Anonymous events with from ≤ occurredAt < until belong to `owner`; undefined is the lone visitor himself. */
export interface OwnedInterval<Owner> {
  from: number;
  until: number;
  owner: Owner | undefined;
}

/**
 * The owner of an anonymous event: the latest identification at or before it, else the earliest after it. At equal
 * instants the identification counts as before the event, and the greater event id as the later identification.
 */
export function ownerAt(identifications: readonly Identification[], at: number): SubjectKey | undefined {
  let before: Identification | undefined;
  let after: Identification | undefined;
  for (const candidate of identifications)
    if (candidate.at <= at) {
      if (before === undefined || byTimeAndEvent(candidate, before) > 0) before = candidate;
    } else if (after === undefined || byTimeAndEvent(candidate, after) < 0) after = candidate;
  return (before ?? after)?.strong;
}

/** The whole time line as intervals of one owner each, neighbours of one owner joined; `ownerOf` names a key's component. */
export function ownedIntervals<Owner = SubjectKey>(
  identifications: readonly Identification[],
  ownerOf: (strong: SubjectKey) => Owner = (strong) => strong as Owner,
): OwnedInterval<Owner>[] {
  const sorted = [...identifications].sort(byTimeAndEvent);
  if (sorted.length === 0) return [{ from: -Infinity, until: Infinity, owner: undefined }];
  const intervals: OwnedInterval<Owner>[] = [];
  sorted.forEach(({ at, strong }, index) => {
    const from = index === 0 ? -Infinity : at;
    const until = sorted[index + 1]?.at ?? Infinity;
    const owner = ownerOf(strong);
    const last = intervals.at(-1);
    // of several at one instant the last owns what follows, and the first what came before the earliest instant of all
    if (from === until) return;
    if (last?.owner === owner && last !== undefined) last.until = until;
    else intervals.push({ from, until, owner });
  });
  return intervals;
}

export interface MovedInterval<Owner> {
  from: number;
  until: number;
  before: Owner | undefined;
  after: Owner | undefined;
}

/** Where two time lines of one anonymousId disagree: only events in these intervals change their owner. */
export function movedIntervals<Owner>(
  before: readonly OwnedInterval<Owner>[],
  after: readonly OwnedInterval<Owner>[],
): MovedInterval<Owner>[] {
  const moved: MovedInterval<Owner>[] = [];
  let left = 0;
  let right = 0;
  let from = -Infinity;
  while (left < before.length && right < after.length) {
    const old = before[left]!;
    const now = after[right]!;
    const until = Math.min(old.until, now.until);
    if (old.owner !== now.owner && from < until) {
      const last = moved.at(-1);
      if (last && last.until === from && last.before === old.owner && last.after === now.owner) last.until = until;
      else moved.push({ from, until, before: old.owner, after: now.owner });
    }
    from = until;
    if (old.until === until) left += 1;
    if (now.until === until) right += 1;
  }
  return moved;
}

/**
 * The one owner that all identifications of a browser name: its counters can be merged by addition. Undefined if nobody
 * has identified it, or if it is mixed.
 */
export function soleOwner<Owner>(
  identifications: readonly Identification[],
  ownerOf: (strong: SubjectKey) => Owner,
): Owner | undefined {
  const [first, ...rest] = identifications;
  if (first === undefined) return undefined;
  const owner = ownerOf(first.strong);
  return rest.every(({ strong }) => ownerOf(strong) === owner) ? owner : undefined;
}
