import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import {
  compileCondition,
  conditionDefinition,
  conditionJsonSchema,
  makeZone,
  type ConditionContext,
  type Framework,
} from './index.js';

const bant: Framework = {
  name: 'bant',
  label: { ja: 'BANT', en: 'BANT' },
  questions: [{ name: 'budget', level: 'opportunity', label: { ja: '予算', en: 'budget' } }],
};
const context: ConditionContext = {
  zone: makeZone('Asia/Tokyo'),
  signalSlot: () => 0,
  stages: ['visitor', 'lead', 'prospect'],
  frameworks: [bant],
  labelOf: (name, locale) =>
    name === 'requested-demo' ? { ja: 'デモ依頼', en: 'Requested a demo' }[locale] : undefined,
};
/** Every kind of condition: as people write it, as it is told in Japanese, and in English. */
const examples = [
  ['{ signal: requested-demo }', '「デモ依頼」があった', 'Requested a demo'],
  [
    '{ signal: requested-demo, within: 2w }',
    '過去2週間以内に「デモ依頼」があった',
    'Requested a demo in the last 2 weeks',
  ],
  [
    '{ signal: requested-demo, count: { gte: 3 }, within: 30d }',
    '過去30日以内に「デモ依頼」が3回以上',
    'Requested a demo: at least 3 times in the last 30 days',
  ],
  [
    '{ signal: requested-demo, distinct: { gte: 2 } }',
    '「デモ依頼」が2種類以上',
    'Requested a demo: at least 2 different',
  ],
  ['{ signal: requested-demo, sum: { lt: 60 } }', '「デモ依頼」が合計60未満', 'Requested a demo: sum less than 60'],
  [
    '{ signal: requested-demo, first: { within: 7d } }',
    '「デモ依頼」が最初は7日以内',
    'Requested a demo: first within 7 days',
  ],
  [
    '{ signal: requested-demo, last: { olderThan: 60d } }',
    '「デモ依頼」が最後は60日より前',
    'Requested a demo: last more than 60 days ago',
  ],
  ['{ attribute: company.employees, gte: 100 }', '従業員数が100以上', 'company size at least 100'],
  ['{ attribute: company.employees, lt: 10 }', '従業員数が10未満', 'company size less than 10'],
  [
    '{ attribute: position, in: [manager, director] }',
    '役職が課長・マネージャー・部長',
    'position is manager or director',
  ],
  ['{ attribute: position, equals: manager }', '役職が課長・マネージャー', 'position is manager'],
  [
    '{ attribute: challenge, matches: [月次*レポート] }',
    '課題に月次*レポートを含む',
    'challenge mentions 月次*レポート',
  ],
  ['{ attribute: challenge, contains: report }', '課題にreportを含む', 'challenge mentions report'],
  ['{ attribute: email, exists: true }', 'メールアドレスが分かっている', 'email address is known'],
  [
    '{ attribute: introductionBy, within: 3mo }',
    '導入予定時期が今日から3か月以内',
    'planned introduction within 3 months from now',
  ],
  ['{ qualification: bant.budget }', 'BANTの予算が回答済み', 'BANT budget answered'],
  ['{ qualification: bant.budget, gte: 1000000 }', 'BANTの予算が1000000以上', 'BANT budget at least 1000000'],
  [
    '{ qualification: bant.budget, graded: { atLeast: fair } }',
    'BANTの予算の評価が「普通」以上',
    'BANT budget graded at least fair',
  ],
  ['{ qualification: bant, gap: true }', 'BANTに不足がある', 'BANT has a gap'],
  ['{ qualification: bant, answers: { gte: 3 } }', 'BANTの回答が3件以上', 'BANT answers at least 3'],
  ['{ score: { gte: 70 } }', '総合スコアが70点以上', 'score at least 70'],
  ['{ engagement: { gt: 30 } }', '行動スコアが30点より多い', 'engagement score more than 30'],
  ['{ fit: { lte: 12.5 } }', '属性スコアが12.5点以下', 'fit score at most 12.5'],
  ['{ grade: { atLeast: B } }', '属性ランクがB以上', 'grade at least B'],
  ['{ band: high }', '関心層が高関心層', 'interest band high'],
  ['{ temperature: { atLeast: warm } }', '温度がウォーム以上', 'temperature at least warm'],
  ['{ stage: prospect }', 'ステージがprospect', 'stage prospect'],
  ['{ segment: manufacturing }', 'セグメント「manufacturing」に属する', 'in segment 「manufacturing」'],
  ['{ consent: marketing }', 'marketingの同意がある', 'consent to marketing granted'],
  ['{ consent: marketing, state: withdrawn }', 'marketingの同意が撤回された', 'consent to marketing withdrawn'],
  [
    '{ all: [ { band: high }, { stage: lead } ] }',
    '(関心層が高関心層、かつステージがlead)',
    '(interest band high and stage lead)',
  ],
  [
    '{ any: [ { band: high }, { not: { stage: lead } } ] }',
    '(関心層が高関心層、または「ステージがlead」ではない)',
    '(interest band high or not: stage lead)',
  ],
  ['{ not: { score: { gte: 50 } } }', '「総合スコアが50点以上」ではない', 'not: score at least 50'],
] as const;

test.each(examples)('%s reads 「%s」, "%s"', (yaml, ja, en) => {
  const compiled = compileCondition(conditionDefinition.parse(parse(yaml)), context);
  expect([compiled.describe('ja'), compiled.describe('en')]).toEqual([ja, en]);
});

test('what is parsed parses again from its own JSON, and reads the same', () => {
  for (const [yaml] of examples) {
    const once = conditionDefinition.parse(parse(yaml));
    const again = conditionDefinition.parse(JSON.parse(JSON.stringify(once)));
    expect(again).toEqual(once);
    for (const locale of ['ja', 'en'] as const)
      expect(compileCondition(again, context).describe(locale)).toBe(compileCondition(once, context).describe(locale));
  }
});

test('no two of them read alike, in either language', () => {
  for (const column of [1, 2]) {
    const told = examples.map((example) => example[column]!);
    expect(new Set(told).size).toBe(told.length);
  }
});

/** Their words are tested beside what they read. */
const elsewhere = ['account'];

test('every kind of condition has an example', () => {
  const kinds = (conditionJsonSchema as unknown as { options: { shape: object }[] }).options.map(
    (option) => Object.keys(option.shape)[0]!,
  );
  const shown = examples.map(([yaml]) => Object.keys(parse(yaml) as object)[0]);
  expect(kinds.filter((kind) => !shown.includes(kind) && !elsewhere.includes(kind))).toEqual([]);
});
