import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addMonths, civilOf, dayOf, formatDay, makeZone, parseDay } from './local-day.js';

const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2_147_483_647);
const numRuns = Number(process.env['FC_RUNS'] ?? 3000);
const zones = [
  'Asia/Tokyo',
  'America/New_York',
  'America/St_Johns',
  'Pacific/Apia',
  'UTC',
  'Africa/Casablanca',
  'Australia/Lord_Howe',
];
const at = (iso: string): number => Date.parse(iso);
const day = (iso: string): number => parseDay(iso)!;

test('a day of Tokyo begins at 15:00 UTC', () => {
  const zone = makeZone('Asia/Tokyo');
  expect(formatDay(zone.localDay(at('2026-03-01T14:59:59.999Z')))).toBe('2026-03-01');
  expect(formatDay(zone.localDay(at('2026-03-01T15:00:00Z')))).toBe('2026-03-02');
  expect(zone.dayStart(day('2026-03-02'))).toBe(at('2026-03-01T15:00:00Z'));
});

test('the day that begins twice in St Johns begins once: 2006-10-29 00:00 and, after the clocks went back, again', () => {
  const zone = makeZone('America/St_Johns');
  const first = at('2006-10-29T02:30:00Z');
  expect(zone.dayStart(day('2006-10-29'))).toBe(first);
  // at 00:01 the clocks go back to 23:01 of the 28th
  for (let minute = 0; minute < 70; minute += 1)
    expect(formatDay(zone.localDay(first + minute * 60_000))).toBe('2006-10-29');
  expect(formatDay(zone.localDay(first - 1))).toBe('2006-10-28');
});

test('the day that Apia skipped starts with the next one', () => {
  const zone = makeZone('Pacific/Apia');
  const skip = at('2011-12-30T10:00:00Z');
  expect(formatDay(zone.localDay(skip - 1))).toBe('2011-12-29');
  expect(formatDay(zone.localDay(skip))).toBe('2011-12-31');
  expect(zone.dayStart(day('2011-12-30'))).toBe(skip);
  expect(zone.dayStart(day('2011-12-31'))).toBe(skip);
});

test('I16: a day never goes back and starts at its first instant, in every zone', () => {
  const instant = fc.oneof(
    fc.integer({ min: Date.UTC(1985, 0, 1), max: Date.UTC(2115, 0, 1) }),
    fc.integer({ min: -200_000_000, max: 200_000_000 }).map((offset) => Date.UTC(2011, 11, 30, 10) + offset),
    fc.integer({ min: -8_000_000, max: 8_000_000 }).map((offset) => Date.UTC(2006, 9, 29, 3) + offset),
  );
  fc.assert(
    fc.property(fc.constantFrom(...zones), instant, fc.integer({ min: 0, max: 3 * 86_400_000 }), (name, ms, later) => {
      const zone = makeZone(name);
      const today = zone.localDay(ms);
      expect(zone.localDay(ms + later)).toBeGreaterThanOrEqual(today);
      const start = zone.dayStart(today);
      expect(start).toBeLessThanOrEqual(ms);
      expect(zone.localDay(start)).toBe(today);
      expect(zone.localDay(start - 1)).toBeLessThan(today);
    }),
    { seed, numRuns },
  );
});

test('I16: a local day is the greatest date that the calendar of Intl has shown', () => {
  for (const name of zones) {
    const zone = makeZone(name);
    const format = new Intl.DateTimeFormat('sv-SE', { timeZone: name });
    for (const year of [2006, 2011]) {
      let greatest = '';
      for (let ms = Date.UTC(year, 0, 1); ms < Date.UTC(year + 1, 0, 1); ms += 12 * 3_600_000) {
        const shown = format.format(ms);
        if (shown > greatest) greatest = shown;
        expect([name, ms, formatDay(zone.localDay(ms))]).toEqual([name, ms, greatest]);
      }
    }
  }
});

test('months clamp to the end of the month', () => {
  expect(formatDay(addMonths(day('2026-01-31'), 1))).toBe('2026-02-28');
  expect(formatDay(addMonths(day('2024-02-29'), 12))).toBe('2025-02-28');
  expect(formatDay(addMonths(day('2026-12-15'), 3))).toBe('2027-03-15');
  expect(formatDay(addMonths(day('2026-03-31'), -1))).toBe('2026-02-28');
});

test('only existing dates parse', () => {
  expect(parseDay('2026-02-29')).toBeUndefined();
  expect(parseDay('2026-2-1')).toBeUndefined();
  expect(parseDay('2024-02-29')).toBe(dayOf(2024, 2, 29));
  expect(civilOf(dayOf(2024, 2, 29))).toEqual({ year: 2024, month: 2, day: 29 });
});

test('an unknown zone is refused', () => {
  expect(() => makeZone('Asia/Atlantis')).toThrow(RangeError);
});
