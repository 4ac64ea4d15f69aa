import { dayMs, type Zone } from '#libs/leads/domain';
import type { Wait } from './scenario.js';

const minuteMs = 60_000;

/** 1 Monday … 7 Sunday. */
export const weekdayOf = (day: number): number => ((((day + 3) % 7) + 7) % 7) + 1;

/** Monday to Friday and no holiday. */
export const isBusinessDay = (day: number, holidays: ReadonlySet<number>): boolean =>
  weekdayOf(day) <= 5 && !holidays.has(day);

/** The instant a wait that begins at `now` is over. */
export function endOfWait(wait: Wait, now: number, zone: Zone, holidays: ReadonlySet<number>): number {
  let end = now + (wait.minutes ?? 0) * minuteMs + (wait.hours ?? 0) * 60 * minuteMs;
  if (wait.days !== undefined) end = sameTime(now, zone.localDay(now) + wait.days, zone);
  if (wait.businessDays !== undefined) {
    let day = zone.localDay(now);
    for (let left = wait.businessDays; left > 0;) if (isBusinessDay(++day, holidays)) left -= 1;
    end = sameTime(now, day, zone);
  }
  if (wait.at === undefined) return end;
  const [hours, minutes] = wait.at.split(':').map(Number) as [number, number];
  const day = zone.localDay(end);
  const at = (d: number) => zone.dayStart(d) + (hours * 60 + minutes) * minuteMs;
  if (at(day) >= end || wait.days !== undefined || wait.businessDays !== undefined) return Math.max(now, at(day));
  return at(day + 1);
}

const sameTime = (now: number, day: number, zone: Zone): number =>
  zone.dayStart(day) + Math.min(now - zone.dayStart(zone.localDay(now)), dayMs - 1);
