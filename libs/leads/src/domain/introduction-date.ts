import { addMonths, civilOf, dayOf, formatDay, parseDay } from './local-day.js';
import type { LocalDay } from './state.js';
import { foldText } from './text.js';

/**
 * The day by which somebody plans to introduce the product, told on `today`: "within 3 months", "3ヶ月以内", "2026年12月",
 * an ISO date. The latest day that the answer allows; null where it says that no time is set; undefined if not understood.
 */
export function introductionDay(answer: string, today: LocalDay): string | null | undefined {
  const text = foldText(answer.slice(0, 200)).trim();
  const told = statedDay(text) ?? relativeDay(text, today);
  return typeof told === 'number' ? formatDay(told) : told;
}

function statedDay(text: string): LocalDay | undefined {
  const date = /(20\d\d)\s*[-/.年]\s*(\d{1,2})(?:\s*[-/.月]\s*(\d{1,2}))?/.exec(text);
  if (!date) return undefined;
  const month = Number(date[2]);
  if (month < 1 || month > 12) return undefined;
  if (date[3] === undefined) return monthEnd(Number(date[1]), month);
  return parseDay(`${date[1]}-${date[2]!.padStart(2, '0')}-${date[3].padStart(2, '0')}`);
}

const monthEnd = (year: number, month: number): LocalDay => addMonths(dayOf(year, month, 1), 1) - 1;

const openEnded = /未定|予定なし|情報収集|検討中のみ|undecided|not planned|no plan|unknown|just looking|not sure/;
const laterThan = /以上|以降|より先|more than|over|after|later|\+/;
const atOnce = /すぐ|至急|即時|immediate|asap|as soon as possible|right away|\bnow\b/;

function relativeDay(text: string, today: LocalDay): LocalDay | null | undefined {
  if (openEnded.test(text)) return null;
  const { year, month } = civilOf(today);
  const spans = [
    ...text.matchAll(
      /(\d{1,3})?\s*(?:[-~〜～–]|to)?\s*(\d{1,3})\s*(日|週間?|[ヶケかカヵ箇]月|月|年|days?|weeks?|months?|mo\b|years?)/g,
    ),
  ];
  const last = spans.at(-1);
  if (last) {
    const [, , count, unit] = last;
    if (laterThan.test(text) && spans.length === 1 && last[1] === undefined) return null;
    return spanFrom(today, Number(count), unit!);
  }
  if (/半年|half a year/.test(text)) return laterThan.test(text) ? null : addMonths(today, 6);
  if (atOnce.test(text)) return today;
  if (/今月|this month/.test(text)) return monthEnd(year, month);
  if (/来月|next month/.test(text)) return addMonths(dayOf(year, month, 1), 2) - 1;
  if (/年内|今年|this year/.test(text)) return dayOf(year, 12, 31);
  if (/来年|next year/.test(text)) return dayOf(year + 1, 12, 31);
  return undefined;
}

function spanFrom(today: LocalDay, count: number, unit: string): LocalDay {
  if (/^日|^day/.test(unit)) return today + count;
  if (/^週|^week/.test(unit)) return today + 7 * count;
  return addMonths(today, /^年|^year/.test(unit) ? 12 * Math.min(count, 50) : count);
}
