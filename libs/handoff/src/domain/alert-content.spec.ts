import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { alertContent, type AlertInput } from './alert-content.js';
import { alertHtml, alertSlack, alertText } from './alert-layout.js';

const inputIn = (locale: 'ja' | 'en'): AlertInput => {
  const both = (ja: string, en: string) => ({ ja, en })[locale];
  return {
    crossing: 'c',
    lead: 7,
    at: Date.UTC(2026, 10, 20, 3),
    timeZone: 'Asia/Tokyo',
    who: { name: '田中 太郎', company: 'アクメ株式会社', position: '部長', email: 'taro@example.com' },
    rules: [
      {
        name: 'five-conditions',
        conditions: [
          both('14日以内に資料請求', 'asked for material within 14 days'),
          both('製品ページ2種類以上', 'viewed 2 products'),
        ],
      },
      { name: 'score-of-70', conditions: [both('スコア70以上', 'score of 70 or more')] },
    ],
    score: { total: 745, engagement: 505, fit: 240, grade: 'A' },
    lines: Array.from({ length: 15 }, (_, i) => ({
      label: both(`行${i}`, `line ${i}`),
      points: i === 14 ? -55 : 50 + i,
    })),
    actions: Array.from({ length: 5 }, (_, i) => ({
      at: Date.UTC(2026, 10, 20, 3, -i),
      label: both(`行動${i}`, `action ${i}`),
    })),
    links: [{ label: both('リード', 'Lead'), url: 'https://example.com/leads/7' }],
  };
};
const input = inputIn('en');

test('the reason is one sentence that names every rule and its conditions', () => {
  expect(alertContent(input, 'en').reason).toBe(
    '田中 太郎 (アクメ株式会社) became hot by five-conditions (asked for material within 14 days, viewed 2 products) and score-of-70 (score of 70 or more).',
  );
  expect(alertContent(inputIn('ja'), 'ja').reason).toBe(
    'アクメ株式会社 田中 太郎さんは、「five-conditions」（14日以内に資料請求、製品ページ2種類以上）と「score-of-70」（スコア70以上）を満たしたためホットになりました。',
  );
});

test('the last three actions are told, in the time of the organisation', () => {
  expect(alertContent(input, 'en').actions).toEqual([
    '2026-11-20 12:00  action 0',
    '2026-11-20 11:59  action 1',
    '2026-11-20 11:58  action 2',
  ]);
});

test('lines beyond the twelfth are summed, so that what is told still adds up', () => {
  const lines = alertContent(input, 'en').scoreLines;
  const tenths = (line: string) => Math.round(Number(line.split('  ')[0]!.replace('−', '-')) * 10);
  expect(lines).toHaveLength(13);
  expect(lines.reduce((sum, line) => sum + tenths(line), 0)).toBe(
    input.lines.reduce((sum, line) => sum + line.points, 0),
  );
});

test('a lead of whom only an address, or nothing, is known still makes a sentence', () => {
  expect(
    alertContent({ ...input, who: { email: 'x@example.com' }, rules: [{ name: 'r', conditions: [] }] }, 'en').reason,
  ).toBe('x@example.com became hot by r.');
  expect(alertContent({ ...input, who: {} }, 'ja').headline).toBe('ホットリード: 匿名の見込み客');
});

test('S6: whatever a lead supplies, text stays one line, HTML keeps its tags and Slack its links', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom('ja' as const, 'en' as const),
      (text, locale) => {
        const wild: AlertInput = {
          ...input,
          who: { name: text, company: text },
          rules: [{ name: text, conditions: [text] }],
          actions: [{ at: 0, label: text }],
        };
        const calm: AlertInput = {
          ...wild,
          who: { name: 'x', company: 'x' },
          rules: [{ name: 'x', conditions: ['x'] }],
          actions: [{ at: 0, label: 'x' }],
        };
        const content = alertContent(wild, locale);
        expect(content.headline).not.toMatch(/[\r\n]/);
        expect(alertText(content).split('\n').length).toBeLessThanOrEqual(
          alertText(alertContent(calm, locale)).split('\n').length,
        );
        expect((alertHtml(content).match(/</g) ?? []).length).toBeLessThanOrEqual(
          (alertHtml(alertContent(calm, locale)).match(/</g) ?? []).length,
        );
        expect((JSON.stringify(alertSlack(content).blocks.slice(1)).match(/</g) ?? []).length).toBe(1);
      },
    ),
    { numRuns: 200 },
  );
});
