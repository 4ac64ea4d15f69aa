import japan from '@holiday-jp/holiday_jp';
import { parseDay, type LocalDay } from '#libs/leads/domain';
import type { NurtureConfig } from './nurture.config.js';

const firstYear = 2025;
const lastYear = 2050;

/** Dates (YYYY-MM-DD) on which nobody works, beside the weekend: public holidays and the company's own days. */
export function closedDates(config: Pick<NurtureConfig, 'MAIL_HOLIDAYS' | 'MAIL_CLOSED_DAYS'>): string[] {
  // only the keys: the table's own date arithmetic knows no time zone
  const national =
    config.MAIL_HOLIDAYS === 'jp' ? Object.keys(japan.holidays).filter((date) => date >= `${firstYear}`) : [];
  const years = Array.from({ length: lastYear - firstYear + 1 }, (_, i) => firstYear + i);
  const own = config.MAIL_CLOSED_DAYS.split(',')
    .filter(Boolean)
    .flatMap((day) => (day.length > 5 ? [day] : years.map((year) => `${year}-${day}`)));
  return [...new Set([...national, ...own])].sort();
}

/** The same as local days, for waits of business days. */
export const closedDays = (config: Pick<NurtureConfig, 'MAIL_HOLIDAYS' | 'MAIL_CLOSED_DAYS'>): ReadonlySet<LocalDay> =>
  new Set(closedDates(config).flatMap((date) => parseDay(date) ?? []));
