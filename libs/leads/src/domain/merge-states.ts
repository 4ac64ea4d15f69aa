import { firstTouchPrefix } from './first-touch.js';
import type { DayCounter, LeadState, Stamped } from './state.js';

/** The last writer wins by (at, event id); attributes of the first touch keep the first. */
export function keepWinner<T>(
  stamps: Record<string, Stamped<T>>,
  name: string,
  value: T,
  at: number,
  event: string,
): void {
  const current = Object.hasOwn(stamps, name) ? stamps[name] : undefined;
  if (current !== undefined) {
    const later = at > current.at || (at === current.at && event > current.event);
    if (later === name.startsWith(firstTouchPrefix)) return;
  }
  stamps[name] = { value, at, event };
}

/** Adds `addend` to `target`; what it takes over is copied. */
export function mergeInto(target: LeadState, addend: LeadState, distinctLimit: number): void {
  if (addend.firstAt !== undefined) target.firstAt = Math.min(target.firstAt ?? Infinity, addend.firstAt);
  if (addend.lastAt !== undefined) target.lastAt = Math.max(target.lastAt ?? -Infinity, addend.lastAt);
  takeWinners(target.profile, addend.profile);
  takeWinners(target.consent, addend.consent);
  for (const hash in addend.counters) {
    const days = (target.counters[hash] ??= {});
    const added = addend.counters[hash]!;
    for (const day in added) {
      const current = days[day as unknown as number];
      days[day as unknown as number] = addCounters(current, added[day as unknown as number]!, distinctLimit);
    }
  }
}

function takeWinners<T>(target: Record<string, Stamped<T>>, addend: Record<string, Stamped<T>>): void {
  for (const name in addend) {
    const { value, at, event } = addend[name]!;
    keepWinner(target, name, value, at, event);
  }
}

function addCounters(a: DayCounter | undefined, b: DayCounter, distinctLimit: number): DayCounter {
  if (a === undefined) return { ...b, ...(b.distinct ? { distinct: [...b.distinct] } : {}) };
  const added: DayCounter = {
    count: a.count + b.count,
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
  };
  if (a.sum !== undefined || b.sum !== undefined) added.sum = (a.sum ?? 0) + (b.sum ?? 0);
  if (a.distinct || b.distinct)
    added.distinct = [...new Set([...(a.distinct ?? []), ...(b.distinct ?? [])])].sort().slice(0, distinctLimit);
  return added;
}
