import { windowWords, type Locale } from '#libs/leads/domain';

const japanese: Record<string, string> = {
  points: '点数',
  timesPerDay: '1日の上限回数',
  cap: '上限点',
  window: '有効期間',
  halfLife: '半減期',
  expires: '失効',
  count: '数え方',
  group: 'グループ',
  engagement: '行動スコアの重み',
  fit: '属性スコアの重み',
  minimum: '下限',
  high: '高関心層',
  middle: '中間層',
  phase: 'フェーズ',
  outcomes: '営業結果',
  skippable: '飛び越し可',
  requires: '必須項目',
  approver: '承認者',
  perMember: '1人あたりの上限点',
  personal: '会社を表さないドメイン',
  company: '会社とみなすドメイン',
};
const english: Record<string, string> = {
  timesPerDay: 'times per day',
  halfLife: 'half-life',
  perMember: 'per member',
};
const windows = new Set(['window', 'halfLife', 'expires']);

/** Settings with the names and units that people use; what is not set is left out. */
export const settingsOf = (plain: object, locale: Locale): Record<string, string> =>
  Object.fromEntries(
    Object.entries(plain)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [
        (locale === 'ja' ? japanese : english)[name] ?? name,
        windows.has(name) ? windowWords(String(value), locale) : plainText(value),
      ]),
  );

const plainText = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));
