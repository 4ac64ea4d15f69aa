import fs from 'node:fs';
import { expect, test } from '@jest/globals';
import { emptyState, makeZone, type Json, type LeadState } from '#libs/leads/domain';
import {
  compileRulebook,
  explainAccount,
  lookAtAccount,
  parseRulebook,
  validateRulebook,
  type AccountMember,
  type RulebookDocument,
} from './index.js';

const text = fs.readFileSync(new URL('../../../../rulebooks/default.yaml', import.meta.url), 'utf8');
const parsed = parseRulebook(text);
if (parsed.errors) throw new Error(JSON.stringify(parsed.errors, null, 1));
const document: RulebookDocument = parsed.document;
const zone = makeZone('Asia/Tokyo');
const rulebook = compileRulebook(document, 1, zone);
const now = Date.UTC(2026, 4, 20, 3);
const today = zone.localDay(now);

const member = (lead: number, position: string | undefined, did: Record<string, number>): AccountMember => {
  const state: LeadState = emptyState();
  const knows = (name: string, value: Json) => (state.profile[name] = { value, at: lead, event: `e${lead}` });
  if (position) knows('position', position);
  knows('company.name', `株式会社ミライ${lead}`);
  for (const [signal, daysAgo] of Object.entries(did))
    state.counters[rulebook.signalNames.get(signal)!.hash] = {
      [today - daysAgo]: { count: 1, first: now, last: now, distinct: ['a'] },
    };
  return { lead, state };
};

const three = [
  member(1, 'staff', { 'requested-material': 0, 'viewed-pricing': 0, 'viewed-comparison': 0, 'attended-webinar': 0 }),
  member(2, 'manager', { 'downloaded-price-list': 0, 'viewed-pricing': 0, 'attended-webinar': 0 }),
  member(3, 'director', { 'viewed-case-study': 0, 'requested-contact': 0, inquiry: 0, 'viewed-comparison': 0 }),
];

test('the shipped rulebook: a company is hot though nobody alone is', () => {
  const seen = lookAtAccount(three, rulebook, now);
  expect(seen).toMatchObject({
    temperature: 'hot',
    hotRules: ['evaluating-with-decision-maker', 'several-together'],
    hottest: 'warm',
    hotMembers: 0,
    members: 3,
    engaged: 3,
    roles: ['decision-maker', 'evaluator', 'user'],
    reached: true,
    name: '株式会社ミライ3',
  });
  expect(lookAtAccount([three[2]!, three[0]!, three[1]!], rulebook, now)).toEqual(seen);
  expect(lookAtAccount(three.slice(0, 2), rulebook, now)).toMatchObject({ temperature: 'warm', reached: false });
});

test('the explanation sums to the company’s engagement, bounded per member, weighted by role and capped', () => {
  const own = compileRulebook(
    {
      ...document,
      account: {
        ...document.account!,
        engagement: { perMember: 25, weights: { 'decision-maker': 1.5, user: 0.333 }, cap: 55 },
      },
    },
    2,
    zone,
  );
  const told = explainAccount(three, own, now, 'ja');
  expect(told.lines.reduce((sum, { points }) => sum + points, 0)).toBe(told.look.engagement);
  expect(told.look.engagement).toBe(550);
  expect(told.lines.at(-1)).toEqual({ kind: 'cap', points: -38 });
  for (const line of told.lines)
    if (line.kind === 'member') expect(line.engagement + line.capped + line.weighted).toBe(line.points);
  expect(told.roles.map(({ label, leads }) => [label, leads])).toEqual([
    ['決裁者', [3]],
    ['検討担当者', [2]],
    ['利用者', [1]],
  ]);
});

test('conditions are told in both languages, with what is missing', () => {
  const told = (locale: 'ja' | 'en') =>
    explainAccount(three.slice(0, 2), rulebook, now, locale)
      .hot.flatMap(({ label, lines }) => lines.map(({ text: line, held }) => [label, line, held]))
      .slice(1);
  expect(told('ja')).toEqual([
    [
      '検討担当者と決裁者が動いている',
      '会社全体で行動スコアの合計が50点以上、かつ関心を示したリードが2人以上、かつ検討担当者がいる、かつ決裁者がいる',
      false,
    ],
    [
      '検討担当者と決裁者が動いている',
      '(会社全体で決裁者に接触できている、または会社全体で過去30日以内に「料金ページ閲覧」が2人以上)',
      true,
    ],
    ['複数名が同時に検討', '会社全体で行動スコアの合計が80点以上、かつ関心を示したリードが3人以上', false],
  ]);
  expect(told('en').map(([, line]) => line)).toEqual([
    'at the company: engagement at least 50 and at least 2 engaged leads and Evaluator is among them and Decision maker is among them',
    '(at the company: the decision maker was reached or at the company: Viewed the pricing page: at least 2 people in the last 30 days)',
    'at the company: engagement at least 80 and at least 3 engaged leads',
  ]);
});

test('a rulebook without the section is as hot as the hottest member, and nothing else changes', () => {
  const { account: _, ...without } = document;
  const plain = compileRulebook(without, 3, zone);
  expect(lookAtAccount(three, plain, now)).toMatchObject({ temperature: 'warm', hotRules: [], roles: [], engaged: 3 });
});

const changed = (change: (copy: RulebookDocument) => void) => {
  const copy = structuredClone(document);
  change(copy);
  return validateRulebook(copy).errors?.map(({ path, code }) => `${path} ${code}`);
};
const company = { account: { temperature: 'hot' as const } };

test.each<[string, (copy: RulebookDocument) => void]>([
  ['hot.x.account reads-account', (copy) => (copy.hot['x'] = company)],
  ['warm.any.0.account reads-account', (copy) => (copy.warm = { any: [company] })],
  ['segments.x.not.account reads-account', (copy) => (copy.segments!['x'] = { not: company })],
  ['rearm.account reads-account', (copy) => (copy.rearm = company)],
  ['account.engaged.account reads-account', (copy) => (copy.account!.engaged = company)],
  ['account.warm.account.temperature cycle', (copy) => (copy.account!.warm = company)],
  ['account.hot.x.all.0 reads-one-lead', (copy) => (copy.account!.hot['x'] = { all: [{ score: { gte: 1 } }] })],
  ['account.engaged reads-stage', (copy) => (copy.account!.engaged = { stage: 'prospect' })],
  ['account.roles.user roles-read-attributes', (copy) => (copy.account!.roles!['user'] = { signal: 'replied' })],
  ['account.decisionMaker unknown-role', (copy) => (copy.account!.decisionMaker = 'boss')],
  ['account incomplete', (copy) => delete copy.account!.reached],
  ['account.engagement.weights.boss unknown-role', (copy) => (copy.account!.engagement = { weights: { boss: 2 } })],
  ['account.warm.account.roles unknown-role', (copy) => (copy.account!.warm = { account: { roles: 'boss' } })],
  ['account.warm.account.signal unknown-signal', (copy) => (copy.account!.warm = { account: { signal: 'x' } })],
  ['account.warm.account custom', (copy) => (copy.account!.warm = { account: { within: '3d' } } as never)],
  ['signals.wrote-headcount.capture no-number', (copy) => delete copy.signals['wrote-headcount']!.where],
  [
    'signals.opened-email.capture no-number',
    (copy) => (copy.signals['opened-email']!.capture = { attribute: 'x', as: 'number' }),
  ],
  [
    'signals.wrote-headcount.capture.attribute custom',
    (copy) => (copy.signals['wrote-headcount']!.capture!.attribute = 'email'),
  ],
])('is refused by its path: %s', (problem, change) => {
  expect(changed(change)).toContain(problem);
});
