import type { Comparison } from './condition.js';
import type { Locale } from './condition-facts.js';

const attributes: Record<string, { ja: string; en: string }> = {
  'company.employees': { ja: '従業員数', en: 'company size' },
  'company.industry': { ja: '業種', en: 'industry' },
  'company.name': { ja: '会社名', en: 'company' },
  'company.domain': { ja: '会社ドメイン', en: 'company domain' },
  position: { ja: '役職', en: 'position' },
  jobTitle: { ja: '肩書き', en: 'job title' },
  job: { ja: '職種', en: 'job' },
  department: { ja: '部署', en: 'department' },
  location: { ja: '所在地', en: 'location' },
  introductionBy: { ja: '導入予定時期', en: 'planned introduction' },
  challenge: { ja: '課題', en: 'challenge' },
  plannedSeats: { ja: '導入予定人数', en: 'planned number of users' },
  phone: { ja: '電話番号', en: 'phone' },
  email: { ja: 'メールアドレス', en: 'email address' },
  channel: { ja: '流入経路', en: 'channel' },
  leadSource: { ja: '獲得経路', en: 'lead source' },
  familyName: { ja: '姓', en: 'last name' },
  givenName: { ja: '名', en: 'first name' },
  displayName: { ja: '氏名', en: 'name' },
  budget: { ja: '予算', en: 'budget' },
  'opportunity.likelihood': { ja: '確度', en: 'likelihood' },
  'opportunity.nextActionDate': { ja: '次回アクション日', en: 'next action date' },
  'opportunity.value': { ja: '見込み金額', en: 'deal value' },
};

const levels: Record<string, { ja: string; en: string }> = {
  score: { ja: '総合スコア', en: 'score' },
  engagement: { ja: '行動スコア', en: 'engagement score' },
  fit: { ja: '属性スコア', en: 'fit score' },
  grade: { ja: '属性ランク', en: 'grade' },
  band: { ja: '関心層', en: 'interest band' },
  temperature: { ja: '温度', en: 'temperature' },
  stage: { ja: 'ステージ', en: 'stage' },
  high: { ja: '高関心層', en: 'high' },
  middle: { ja: '中間層', en: 'middle' },
  low: { ja: '低関心層', en: 'low' },
  hot: { ja: 'ホット', en: 'hot' },
  warm: { ja: 'ウォーム', en: 'warm' },
  cold: { ja: 'コールド', en: 'cold' },
};

const values: Record<string, string> = {
  staff: '一般社員',
  leader: '係長・主任',
  manager: '課長・マネージャー',
  director: '部長',
  executive: '役員・経営者',
};

export const attributeWords = (name: string, locale: Locale): string => attributes[name]?.[locale] ?? name;
export const levelWords = (name: string, locale: Locale): string => levels[name]?.[locale] ?? name;
/** Names of signals and segments are the users' own; they stand in quotes. */
export const nameWords = (name: string): string => `「${name}」`;

export const listWords = (list: readonly (string | number | boolean)[], locale: Locale): string =>
  list
    .map((value) => (locale === 'ja' ? (values[String(value)] ?? String(value)) : String(value)))
    .join(locale === 'ja' ? '・' : ' or ');

export function windowWords(window: string, locale: Locale): string {
  const amount = Number.parseInt(window, 10);
  const unit = window.slice(String(amount).length);
  if (locale === 'ja') return `${amount}${unit === 'mo' ? 'か月' : unit === 'w' ? '週間' : '日'}`;
  const word = unit === 'mo' ? 'month' : unit === 'w' ? 'week' : 'day';
  return `${amount} ${word}${amount === 1 ? '' : 's'}`;
}

export function comparisonWords(comparison: Comparison, locale: Locale, unit = ''): string {
  const { gte, gt, lte, lt, eq } = comparison;
  const ja = locale === 'ja';
  const parts: string[] = [];
  if (eq !== undefined) parts.push(ja ? `ちょうど${eq}${unit}` : `exactly ${eq}`);
  if (gte !== undefined) parts.push(ja ? `${gte}${unit}以上` : `at least ${gte}`);
  if (gt !== undefined) parts.push(ja ? `${gt}${unit}より多い` : `more than ${gt}`);
  if (lte !== undefined) parts.push(ja ? `${lte}${unit}以下` : `at most ${lte}`);
  if (lt !== undefined) parts.push(ja ? `${lt}${unit}未満` : `less than ${lt}`);
  return parts.join(ja ? 'かつ' : ' and ');
}
