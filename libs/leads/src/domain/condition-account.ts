import type { AccountFacts } from './account-facts.js';
import type { AccountTests } from './condition-account-definition.js';
import { temperatureOrder, type Comparison } from './condition.js';
import { daysOf } from './condition-attribute.js';
import { never, type ConditionContext, type Facts, type Leaf, type Locale } from './condition-facts.js';
import { scaledToTenths, thresholdsOf } from './condition-level.js';
import { compiledComparison } from './condition-signal.js';
import { comparisonWords, levelWords, nameWords, windowWords } from './condition-words.js';
import type { LocalDay } from './state.js';

interface Test {
  holds(account: AccountFacts): boolean;
  flip(account: AccountFacts): LocalDay;
  words: Record<Locale, string>;
  actual(account: AccountFacts): string | number;
}

/** A lead that belongs to no company meets none of the tests, and it is unknown. */
export function accountLeaf(tests: AccountTests, context: ConditionContext): Leaf {
  const all = testsOf(tests, context);
  return {
    evaluate: ({ account }: Facts) => account !== undefined && all.every((test) => test.holds(account)),
    nextFlip: ({ account }) =>
      account === undefined ? never : Math.min(never, ...all.map((test) => test.flip(account))),
    timeless: false,
    isUnknown: ({ account }) => account === undefined,
    describe: (locale) => {
      const words = all.map((test) => test.words[locale]);
      return locale === 'ja' ? `会社全体で${words.join('、かつ')}` : `at the company: ${words.join(' and ')}`;
    },
    actual: ({ account }) => (account === undefined || all.length > 1 ? undefined : String(all[0]!.actual(account))),
  };
}

function testsOf(tests: AccountTests, context: ConditionContext): Test[] {
  const { temperature, hottest, engagement, members, engaged, roles, reached, signal } = tests;
  const list: Test[] = [];
  if (temperature !== undefined)
    list.push(levelTest(temperature, { ja: '温度', en: 'temperature' }, (account) => account.temperature, 'account'));
  if (hottest !== undefined)
    list.push(
      levelTest(hottest, { ja: '最も熱いリード', en: 'the hottest lead' }, (account) => account.hottest, 'members'),
    );
  if (engagement !== undefined) list.push(engagementTest(engagement));
  if (members !== undefined)
    list.push(
      countTest(
        members,
        { ja: 'リード', en: 'leads' },
        (account) => account.members,
        () => never,
      ),
    );
  if (engaged !== undefined)
    list.push(
      countTest(engaged, { ja: '関心を示したリード', en: 'engaged leads' }, (account) => account.engaged, memberFlip),
    );
  for (const role of [roles ?? []].flat()) list.push(roleTest(role, context));
  if (reached !== undefined)
    list.push({
      holds: (account) => account.reached === reached,
      flip: memberFlip,
      words: {
        ja: `決裁者に${reached ? '接触できている' : '接触できていない'}`,
        en: `the decision maker ${reached ? 'was' : 'was not'} reached`,
      },
      actual: (account) => String(account.reached),
    });
  if (signal !== undefined) list.push(...signalTests({ ...tests, signal }, context));
  return list;
}

const memberFlip = (account: AccountFacts): LocalDay => account.memberFlip();

function levelTest(
  wanted: NonNullable<AccountTests['temperature']>,
  what: Record<Locale, string>,
  of: (account: AccountFacts) => string,
  whose: 'account' | 'members',
): Test {
  const atLeast = typeof wanted === 'object';
  const level = atLeast ? wanted.atLeast : wanted;
  const accepted = new Set<string>(atLeast ? temperatureOrder.slice(0, temperatureOrder.indexOf(level) + 1) : [level]);
  return {
    holds: (account) => accepted.has(of(account)),
    flip: (account) => (whose === 'account' ? account.temperatureFlip() : account.memberFlip()),
    words: {
      ja: `${what.ja}が${levelWords(level, 'ja')}${atLeast ? '以上' : ''}`,
      en: `${what.en} ${atLeast ? 'at least ' : ''}${levelWords(level, 'en')}`,
    },
    actual: of,
  };
}

function engagementTest(comparison: Comparison): Test {
  const scaled = scaledToTenths(comparison);
  const ok = compiledComparison(scaled);
  const thresholds = thresholdsOf(scaled);
  return {
    holds: (account) => ok(account.engagement),
    flip: (account) => Math.min(never, ...thresholds.map((threshold) => account.crossingDay(threshold))),
    words: {
      ja: `行動スコアの合計が${comparisonWords(comparison, 'ja', '点')}`,
      en: `engagement ${comparisonWords(comparison, 'en')}`,
    },
    actual: (account) => account.engagement / 10,
  };
}

function countTest(
  comparison: Comparison,
  what: Record<Locale, string>,
  of: (account: AccountFacts) => number,
  flip: Test['flip'],
): Test {
  const ok = compiledComparison(comparison);
  return {
    holds: (account) => ok(of(account)),
    flip,
    words: {
      ja: `${what.ja}が${comparisonWords(comparison, 'ja', '人')}`,
      en: `${comparisonWords(comparison, 'en')} ${what.en}`,
    },
    actual: of,
  };
}

function roleTest(role: string, context: ConditionContext): Test {
  const label = (locale: Locale): string => context.labelOf?.(role, locale) ?? nameWords(role);
  return {
    holds: (account) => account.covers(role),
    flip: memberFlip,
    words: { ja: `${label('ja')}がいる`, en: `${label('en')} is among them` },
    actual: (account) => String(account.covers(role)),
  };
}

function signalTests(tests: AccountTests & { signal: string }, context: ConditionContext): Test[] {
  const slot = context.signalSlot(tests.signal);
  const window = tests.within === undefined ? Infinity : daysOf(tests.within);
  const flip: Test['flip'] = (account) => account.signalFlip(slot, window);
  const label = (locale: Locale): string => context.labelOf?.(tests.signal, locale) ?? nameWords(tests.signal);
  const within = (locale: Locale): string =>
    tests.within === undefined
      ? ''
      : locale === 'ja'
        ? `過去${windowWords(tests.within, locale)}以内に`
        : ` in the last ${windowWords(tests.within, locale)}`;
  const list: Test[] = [];
  const add = (comparison: Comparison, measure: (account: AccountFacts) => number, ja: string, en: string) => {
    const ok = compiledComparison(comparison);
    list.push({
      holds: (account) => ok(measure(account)),
      flip,
      words: {
        ja: `${within('ja')}「${label('ja')}」が${comparisonWords(comparison, 'ja', ja)}`,
        en: `${label('en')}: ${comparisonWords(comparison, 'en')} ${en}${within('en')}`,
      },
      actual: measure,
    });
  };
  if (tests.people) add(tests.people, (account) => account.people(slot, window), '人', 'people');
  if (tests.count || !tests.people)
    add(tests.count ?? { gte: 1 }, (account) => account.occurrences(slot, window), '回', 'times');
  return list;
}
