import type { LocalDay, SignalDays } from '#libs/leads/domain';
import { one } from './decay.js';
import { lineSize, type Engagement, type EngagementLine } from './engagement.js';

/** How a line came to its points. All points are signed tenths; beforeDecay + decay + capped + expired = points. */
export interface LineDetail {
  line: EngagementLine;
  points: number;
  beforeDecay: number;
  decay: number;
  capped: number;
  expired: number;
  /** Counted inside the window, times per day not yet applied. */
  count: number;
  /** occurredAt, ms, of the first and last occurrence inside the window. */
  firstAt: number;
  lastAt: number;
}

export interface GroupDetail {
  name: string;
  /** What the group's cap takes away (or gives back, for a negative group), in tenths. */
  correction: number;
}

export function detailsOf(
  engagement: Engagement,
  daysOf: (slot: number) => SignalDays,
  today: LocalDay,
): { lines: LineDetail[]; groups: GroupDetail[] } {
  const lines = engagement.lines.flatMap((line) => detailOf(line, daysOf(line.slot), today) ?? []);
  const groups = engagement.groups.flatMap(({ name, cap }, index) => {
    const sum = lines.reduce((total, { line, points }) => (line.group === index ? total + points : total), 0);
    const correction = Math.max(-cap, Math.min(cap, sum)) - sum;
    return correction === 0 ? [] : [{ name, correction }];
  });
  return { lines, groups };
}

function detailOf(line: EngagementLine, days: SignalDays, today: LocalDay): LineDetail | undefined {
  let [units, weightedUnits, count, firstAt, lastAt] = [0n, 0n, 0, Infinity, -Infinity];
  for (let index = days.upTo(today) - 1; index >= 0; index -= 1) {
    const age = today - days.days[index]!;
    const counter = days.counters[index]!;
    if (age > line.window) break;
    const counted = line.distinct ? (counter.distinct?.length ?? 0) : counter.count;
    const unit = BigInt(Math.min(counted, line.timesPerDay)) * BigInt(line.points);
    units += unit;
    weightedUnits += unit * BigInt(line.weights ? (line.weights[age] ?? 0) : one);
    count += counted;
    firstAt = Math.min(firstAt, counter.first);
    lastAt = Math.max(lastAt, counter.last);
  }
  if (count === 0) return undefined;
  const size = lineSize(line, days, today);
  const decayed = Number((2n * weightedUnits + BigInt(one)) / (2n * BigInt(one)));
  const underCap = Math.min(decayed, line.cap);
  const sign = (amount: number) => (amount === 0 ? 0 : line.sign * amount);
  return {
    line,
    points: sign(size),
    beforeDecay: sign(Number(units)),
    decay: sign(decayed - Number(units)),
    capped: sign(underCap - decayed),
    expired: sign(size - underCap),
    count,
    firstAt,
    lastAt,
  };
}
