import { z } from 'zod';
import { daysOf, dayWindow, tenths, type LocalDay, type SignalDays } from '#libs/leads/domain';
import { one, toTenths, weightTable } from './decay.js';

const name = z.string().min(1).max(100);
const halfLife = dayWindow.refine((text) => daysOf(text) <= 730, 'must be at most 730 days');

/** What one signal is worth. `points` may be negative; caps are in points and bound the line's size. */
export const engagementRule = z.strictObject({
  signal: name,
  points: z.number().min(-10_000).max(10_000).multipleOf(0.1),
  timesPerDay: z.number().int().min(1).max(10_000).optional(),
  cap: z.number().min(0).max(100_000).multipleOf(0.1).optional(),
  window: dayWindow.optional(),
  halfLife: halfLife.optional(),
  /** Drops the whole line this long after the last occurrence. */
  expires: dayWindow.optional(),
  /** Occurrences, or the different values of each day. */
  count: z.enum(['occurrences', 'distinct']).optional(),
  group: name.optional(),
});
export type EngagementRule = z.infer<typeof engagementRule>;

export const groupRule = z.strictObject({ cap: z.number().min(0).max(100_000).multipleOf(0.1) });
export type GroupRule = z.infer<typeof groupRule>;

/** One rule, ready to run. Points in tenths. */
export interface EngagementLine {
  readonly rule: EngagementRule;
  readonly slot: number;
  readonly group: number;
  readonly sign: 1 | -1;
  readonly points: number;
  readonly cap: number;
  readonly window: number;
  readonly expires: number;
  readonly timesPerDay: number;
  readonly distinct: boolean;
  readonly weights: Float64Array | undefined;
}

export interface Engagement {
  readonly lines: readonly EngagementLine[];
  readonly groups: readonly { name: string; cap: number }[];
}

export function compileEngagement(
  rules: readonly EngagementRule[],
  groups: Record<string, GroupRule>,
  slotOf: (signal: string) => number,
): Engagement {
  const compiledGroups = Object.entries(groups).map(([name, group]) => ({ name, cap: tenths(group.cap) }));
  const lines = rules.map((rule): EngagementLine => ({
    rule,
    slot: slotOf(rule.signal),
    group: rule.group === undefined ? -1 : compiledGroups.findIndex((group) => group.name === rule.group),
    sign: rule.points < 0 ? -1 : 1,
    points: Math.abs(tenths(rule.points)),
    cap: rule.cap === undefined ? Infinity : tenths(rule.cap),
    window: rule.window === undefined ? Infinity : daysOf(rule.window),
    expires: rule.expires === undefined ? Infinity : daysOf(rule.expires),
    timesPerDay: rule.timesPerDay ?? Infinity,
    distinct: rule.count === 'distinct',
    weights: rule.halfLife === undefined ? undefined : weightTable(daysOf(rule.halfLife)),
  }));
  return { lines, groups: compiledGroups };
}

/** Below this no product or sum of a line can pass 2⁵³. */
const exactUnits = Math.floor(Number.MAX_SAFE_INTEGER / one) - 1;

/** The size of one line on `today`, in tenths, not signed: never more on a later day, as long as nothing happens. */
export function lineSize(line: EngagementLine, days: SignalDays, today: LocalDay): number {
  const { window, weights, timesPerDay, points } = line;
  let sum = 0;
  let units = 0;
  const end = days.upTo(today);
  if (end === 0 || today - days.days[end - 1]! > line.expires) return 0;
  for (let index = end - 1; index >= 0; index -= 1) {
    const age = today - days.days[index]!;
    if (age > window) break;
    const counted = line.distinct ? (days.counters[index]!.distinct?.length ?? 0) : days.counts[index]!;
    const unit = (counted < timesPerDay ? counted : timesPerDay) * points;
    units += unit;
    if (units > exactUnits) return bigLineSize(line, days, today);
    sum += weights === undefined ? unit * one : age < weights.length ? unit * weights[age]! : 0;
  }
  const size = toTenths(sum);
  // a cap is whole tenths, so it may as well be applied after rounding
  return size < line.cap ? size : line.cap;
}

function bigLineSize(line: EngagementLine, days: SignalDays, today: LocalDay): number {
  let sum = 0n;
  for (let index = days.upTo(today) - 1; index >= 0; index -= 1) {
    const age = today - days.days[index]!;
    if (age > line.window) break;
    const counted = line.distinct ? (days.counters[index]!.distinct?.length ?? 0) : days.counts[index]!;
    sum +=
      BigInt(Math.min(counted, line.timesPerDay)) *
      BigInt(line.points) *
      BigInt(line.weights ? (line.weights[age] ?? 0) : one);
  }
  return Math.min(Number((2n * sum + BigInt(one)) / (2n * BigInt(one))), line.cap);
}

/** Where positive and negative lines stand, ungrouped (index 0) and per group (index 1 …), in tenths. */
export interface Sides {
  readonly plus: number[];
  readonly minus: number[];
}

export const emptySides = (engagement: Engagement): Sides => ({
  plus: new Array<number>(engagement.groups.length + 1).fill(0),
  minus: new Array<number>(engagement.groups.length + 1).fill(0),
});

export function measureSides(
  lines: readonly EngagementLine[],
  daysOf: (slot: number) => SignalDays,
  today: LocalDay,
  into: Sides,
): void {
  const { plus, minus } = into;
  for (let group = 0; group < plus.length; group += 1) plus[group] = minus[group] = 0;
  for (const line of lines) {
    const side = line.sign > 0 ? plus : minus;
    side[line.group + 1] = side[line.group + 1]! + lineSize(line, daysOf(line.slot), today);
  }
}

/** The engagement score of these sides: groups are clamped, then everything is added. */
export function totalOf(engagement: Engagement, plus: readonly number[], minus: readonly number[]): number {
  let total = plus[0]! - minus[0]!;
  for (let index = 0; index < engagement.groups.length; index += 1) {
    const cap = engagement.groups[index]!.cap;
    total += Math.max(-cap, Math.min(cap, plus[index + 1]! - minus[index + 1]!));
  }
  return total;
}
