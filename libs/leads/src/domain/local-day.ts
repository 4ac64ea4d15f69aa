import type { LocalDay } from './state.js';

/** The organisation's time zone, as days. Computed only here, in Node; never in SQL. */
export interface Zone {
  readonly name: string;
  /** The greatest civil date that has begun at or before `ms`: it never goes back, whatever the clocks do. */
  localDay(ms: number): LocalDay;
  /** The first instant whose local day is `day` or later; a skipped date starts with the next one. */
  dayStart(day: LocalDay): number;
}

export const dayMs = 86_400_000;

/** Days since 1970-01-01 of a civil date; `month` 1 to 12. */
export const dayOf = (year: number, month: number, day: number): LocalDay => Date.UTC(year, month - 1, day) / dayMs;

export function civilOf(day: LocalDay): { year: number; month: number; day: number } {
  const date = new Date(day * dayMs);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

export const formatDay = (day: LocalDay): string => new Date(day * dayMs).toISOString().slice(0, 10);

/** Undefined for anything but an existing date written YYYY-MM-DD. */
export function parseDay(text: string): LocalDay | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!match) return undefined;
  const day = dayOf(Number(match[1]), Number(match[2]), Number(match[3]));
  return formatDay(day) === text ? day : undefined;
}

/** The same day of the month `n` months on, or that month's last day. */
export function addMonths(day: LocalDay, n: number): LocalDay {
  const { year, month, day: dayOfMonth } = civilOf(day);
  const monthLength = new Date(Date.UTC(year, month + n, 0)).getUTCDate();
  return Date.UTC(year, month - 1 + n, Math.min(dayOfMonth, monthLength)) / dayMs;
}

export const tzdataVersion = (): string => process.versions.tz ?? 'unknown';

/** A stretch of constant offset. */
interface Stretch {
  start: number;
  offset: number;
  /** The greatest day begun before this stretch. */
  floor: LocalDay;
  /** The greatest day begun before its end. */
  reached: LocalDay;
}

const tableStart = Date.UTC(1990, 0, 1);
const tableEnd = Date.UTC(2110, 0, 1);
const zones = new Map<string, Zone>();

/** Throws a RangeError for a zone that this Node does not know. */
export function makeZone(name: string): Zone {
  const known = zones.get(name);
  if (known) return known;
  const zone = zoneOver(name, stretchesOf(offsetReader(name)));
  zones.set(name, zone);
  return zone;
}

function zoneOver(name: string, stretches: Stretch[]): Zone {
  const starts = Float64Array.from(stretches, (stretch) => stretch.start);
  const reached = Float64Array.from(stretches, (stretch) => stretch.reached);
  // events come in bursts of near instants, so the stretch of the last call usually serves the next
  let current = stretches.at(-1)!;
  let from = current.start;
  let until = Infinity;
  return {
    name,
    localDay(ms) {
      if (!(ms >= from && ms < until)) {
        const index = Math.max(0, firstWhere(starts, (start) => start > ms) - 1);
        current = stretches[index]!;
        from = index === 0 ? -Infinity : current.start;
        until = stretches[index + 1]?.start ?? Infinity;
      }
      // a day is a small integer, and said to be one it needs no box
      return Math.max(current.floor, Math.floor((ms + current.offset) / dayMs)) | 0;
    },
    dayStart(day) {
      const stretch = stretches[firstWhere(reached, (last) => last >= day)] ?? stretches.at(-1)!;
      const begins = day * dayMs - stretch.offset;
      return stretch === stretches[0] ? begins : Math.max(stretch.start, begins);
    },
  };
}

function firstWhere(values: Float64Array, holds: (value: number) => boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(values[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Probes every four days: no zone has changed twice within four days since 1990. */
function stretchesOf(offsetAt: (ms: number) => number): Stretch[] {
  const stretches: Stretch[] = [
    { start: tableStart, offset: offsetAt(tableStart), floor: -Infinity, reached: -Infinity },
  ];
  for (let probe = tableStart; probe < tableEnd; probe += 4 * dayMs) {
    const offset = offsetAt(probe + 4 * dayMs);
    const last = stretches.at(-1)!;
    if (offset === last.offset) continue;
    let before = probe;
    let after = probe + 4 * dayMs;
    while (after - before > 1000) {
      const middle = Math.floor((before + after) / 2000) * 1000;
      if (offsetAt(middle) === last.offset) before = middle;
      else after = middle;
    }
    const reached = Math.max(last.floor, Math.floor((after - 1 + last.offset) / dayMs));
    last.reached = reached;
    stretches.push({ start: after, offset, floor: reached, reached: Infinity });
  }
  stretches.at(-1)!.reached = Infinity;
  return stretches;
}

function offsetReader(name: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (ms) => {
    const [month, day, year, hour, minute, second] = format.format(ms).split(/\D+/).map(Number);
    return Date.UTC(year!, month! - 1, day!, hour!, minute!, second!) - Math.floor(ms / 1000) * 1000;
  };
}
