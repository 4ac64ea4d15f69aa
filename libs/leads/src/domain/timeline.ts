import type { Json, LeadEvent } from './event.js';
import { member, pathReader } from './event-path.js';
import { clickName } from './identity.js';
import { cutText } from './text.js';

export type Language = 'ja' | 'en';

type Line = Record<Language, string>;
type Writer = (event: LeadEvent) => Line;

const readPath = pathReader('path');
const readTitle = pathReader('title');

// control characters, line separators, and marks that turn the writing direction around
const unruly = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/gu;
const shown = (value: Json | undefined): string =>
  typeof value === 'string' || typeof value === 'number'
    ? cutText(String(value).replace(unruly, ' ').replace(/ {2,}/g, ' ').trim(), 120)
    : '';
const after = (separator: string, value: string): string => (value === '' ? '' : separator + value);
const property = (event: LeadEvent, name: string): string => shown(member(event.properties, name));

const shownAccount = (event: LeadEvent): string => property(event, 'account').slice(2);

const outcomes: Record<string, Line> = {
  contacted: { ja: '連絡した', en: 'Contacted' },
  accepted: { ja: '営業が引き受けた', en: 'Accepted by sales' },
  rejected: { ja: '営業が差し戻した', en: 'Rejected by sales' },
  meeting: { ja: '商談を実施', en: 'Meeting held' },
  opportunity: { ja: '案件化', en: 'Became an opportunity' },
  won: { ja: '受注', en: 'Won' },
  lost: { ja: '失注', en: 'Lost' },
  disqualified: { ja: '対象外と判断', en: 'Disqualified' },
  recycled: { ja: 'ナーチャリングに戻した', en: 'Returned to nurturing' },
};
const approvals: Record<string, Line> = {
  approved: { ja: 'ステージ移動を承認', en: 'Approved the move' },
  declined: { ja: 'ステージ移動を却下', en: 'Declined the move' },
};
const qualifications: Record<string, Line> = { answered: { ja: 'ヒアリング', en: 'Answered' } };
const deliveries: Record<string, Line> = {
  sent: { ja: '送信した', en: 'Sent' },
  failed: { ja: '送信に失敗', en: 'Failed to send' },
  unknown: { ja: '送信結果が不明', en: 'Sent or not, unknown' },
};
const suppressions: Record<string, Line> = {
  unsubscribe: { ja: '配信停止', en: 'Unsubscribed' },
  complaint: { ja: '迷惑メールとして報告', en: 'Reported as spam' },
  bounce: { ja: 'メールが届かない', en: 'Address bounced' },
  erasure: { ja: '個人情報を削除', en: 'Erased' },
};
const mails: Record<string, Line> = {
  'Email Opened': { ja: 'メールを開封', en: 'Opened an email' },
  [clickName]: { ja: 'メールのリンクをクリック', en: 'Clicked in an email' },
};

const named = (lines: Record<string, Line>, event: LeadEvent, rest = ''): Line => {
  const name = event.name ?? '';
  const line = Object.hasOwn(lines, name) ? lines[name]! : { ja: shown(name), en: shown(name) };
  return { ja: line.ja + after('：', rest), en: line.en + after(': ', rest) };
};
const same =
  (ja: string, en: string): Writer =>
  () => ({ ja, en });

const writers: Record<LeadEvent['type'], Writer> = {
  page: (event) => {
    const page = shown(readTitle(event)) || shown(event.name) || shown(readPath(event));
    return { ja: `ページを閲覧${after('：', page)}`, en: `Viewed a page${after(': ', page)}` };
  },
  screen: (event) => ({
    ja: `画面を閲覧${after('：', shown(event.name))}`,
    en: `Viewed a screen${after(': ', shown(event.name))}`,
  }),
  track: (event) => {
    if (event.links)
      return {
        ja: `フォームを送信${after('：', shown(event.name))}`,
        en: `Submitted a form${after(': ', shown(event.name))}`,
      };
    return named(mails, event, property(event, 'url') || property(event, 'file'));
  },
  group: (event) => ({
    ja: `会社を特定${after('：', shown(event.traits?.['name'] ?? event.groupId))}`,
    en: `Belongs to${after(' ', shown(event.traits?.['name'] ?? event.groupId))}`,
  }),
  identify: same('本人を特定', 'Identified'),
  alias: same('以前の識別子と結び付けた', 'Linked to an earlier id'),
  merge: same('別のリードと統合', 'Merged with another lead'),
  apart: same('別のリードと分けたままにする', 'Kept apart from another lead'),
  account: (event) => {
    const account = shownAccount(event);
    return event.name === 'assigned'
      ? { ja: `アカウントに割り当て${after('：', account)}`, en: `Assigned to the account${after(' ', account)}` }
      : { ja: 'アカウントの割り当てを取り消した', en: 'Withdrew the assignment to an account' };
  },
  consent: (event) => {
    const purpose = property(event, 'purpose') || 'marketing';
    return event.name === 'granted'
      ? { ja: `配信に同意（${purpose}）`, en: `Consented (${purpose})` }
      : { ja: `同意を撤回（${purpose}）`, en: `Withdrew consent (${purpose})` };
  },
  suppression: (event) => named(suppressions, event),
  approval: (event) =>
    named(approvals, event, [property(event, 'stage'), property(event, 'reason')].filter(Boolean).join(' / ')),
  qualification: (event) => {
    const question = [property(event, 'framework'), property(event, 'question')].filter(Boolean).join('.');
    return named(qualifications, event, [question, property(event, 'answer')].filter(Boolean).join(' = '));
  },
  outcome: (event) => named(outcomes, event, property(event, 'reason') || property(event, 'note')),
  delivery: (event) =>
    named(deliveries, event, [property(event, 'channel'), property(event, 'scenario')].filter(Boolean).join(' / ')),
  verdict: (event) => ({ ja: `判定：${shown(event.name)}`, en: `Judged: ${shown(event.name)}` }),
  unmerge: same('統合を取り消した', 'Un-merged'),
  retraction: (event) =>
    event.name === 'restored'
      ? { ja: '記録を元に戻した', en: 'Restored a record' }
      : { ja: '記録を取り消した', en: 'Withdrew a record' },
  decision: (event) => {
    const to = property(event, 'to');
    const what = [property(event, 'decision'), property(event, 'name')].filter(Boolean).join(' ');
    const back = property(event, 'cause') === 'withdrawal';
    return {
      ja: `判断：${what}${after(' → ', to)}${back ? '（取り消しによる）' : ''}`,
      en: `Decided: ${what}${after(' → ', to)}${back ? ' (after a withdrawal)' : ''}`,
    };
  },
};

/** One readable, bounded line; plain text that its reader must escape. */
export const describeEvent = (event: LeadEvent, language: Language): string => writers[event.type](event)[language];
