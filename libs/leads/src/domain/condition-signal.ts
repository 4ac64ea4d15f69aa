import type { Comparison, SignalCondition } from './condition.js';
import { daysOf } from './condition-attribute.js';
import { never, type ConditionContext, type Facts, type Leaf, type Locale } from './condition-facts.js';
import { comparisonWords, nameWords, windowWords } from './condition-words.js';
import type { SignalDays } from './signal-days.js';
import type { LocalDay } from './state.js';

type Measure = (days: SignalDays, today: LocalDay) => number;

export function compiledComparison(tests: Comparison): (value: number) => boolean {
  const { gte = -Infinity, gt = -Infinity, lte = Infinity, lt = Infinity, eq } = tests;
  if (tests.gt === undefined && tests.lte === undefined && tests.lt === undefined && eq === undefined)
    return (value) => value >= gte;
  return (value) => value >= gte && value > gt && value <= lte && value < lt && (eq === undefined || value === eq);
}

/** One measured test of a signal: holds where `ok(measure)`. Measures only shrink while nothing happens. */
interface Test {
  measure: Measure;
  ok: (value: number) => boolean;
  nextFlip(days: SignalDays, today: LocalDay): LocalDay;
}

export function signalLeaf(node: SignalCondition, context: ConditionContext): Leaf {
  const slot = context.signalSlot(node.signal);
  const window = node.within === undefined ? Infinity : daysOf(node.within);
  const tests: Test[] = [];
  const measured = (measure: Measure, comparison: Comparison) => {
    const ok = compiledComparison(comparison);
    tests.push({ measure, ok, nextFlip: (days, today) => stepFlip(days, today, window, measure, ok) });
  };
  if (node.distinct) measured((days, today) => days.distinct(today, window), node.distinct);
  if (node.sum) measured((days, today) => days.sum(today, window), node.sum);
  if (node.count || (!node.distinct && !node.sum && !node.first && !node.last))
    measured((days, today) => days.count(today, window), node.count ?? { gte: 1 });
  if (node.first) tests.push(ageTest((days, today) => days.firstDay(today), node.first));
  if (node.last) tests.push(ageTest((days, today) => days.lastDay(today), node.last));
  const [only] = tests;
  const holds = (test: Test, facts: Facts): boolean => test.ok(test.measure(facts.signalDays(slot), facts.today));
  return {
    evaluate:
      tests.length === 1 ? (facts) => holds(only!, facts) : (facts) => tests.every((test) => holds(test, facts)),
    nextFlip(facts) {
      const days = facts.signalDays(slot);
      if (days.length === 0) return never;
      const end = days.upTo(facts.today);
      let flip = end < days.length ? days.days[end]! : never;
      for (const test of tests) flip = Math.min(flip, test.nextFlip(days, facts.today));
      return flip;
    },
    timeless: false,
    isUnknown: () => false,
    describe: (locale) => describe(node, locale, context.labelOf?.(node.signal, locale)),
    actual(facts, locale) {
      const days = facts.signalDays(slot);
      const count = node.distinct
        ? days.distinct(facts.today, window)
        : node.sum
          ? days.sum(facts.today, window)
          : days.count(facts.today, window);
      return locale === 'ja'
        ? `${count}${node.sum ? '' : node.distinct ? '種類' : '回'}`
        : `${count}${node.sum ? '' : node.distinct ? ' different' : count === 1 ? ' time' : ' times'}`;
    },
  };
}

/** The value changes only where a day leaves the window, so those days are tried in order. */
function stepFlip(
  days: SignalDays,
  today: LocalDay,
  window: number,
  measure: Measure,
  ok: (value: number) => boolean,
): LocalDay {
  if (window === Infinity) return never;
  const now = ok(measure(days, today));
  const end = days.upTo(today);
  for (let index = 0; index < end; index += 1) {
    const leaves = days.days[index]! + window + 1;
    if (leaves > today && ok(measure(days, leaves)) !== now) return leaves;
  }
  return never;
}

function ageTest(dayOf: Measure, tests: { within?: string; olderThan?: string }): Test {
  const within = tests.within === undefined ? Infinity : daysOf(tests.within);
  const olderThan = tests.olderThan === undefined ? -1 : daysOf(tests.olderThan);
  return {
    measure: (days, today) => today - dayOf(days, today),
    ok: (age) => age !== Infinity && age <= within && age > olderThan,
    nextFlip(days, today) {
      const day = dayOf(days, today);
      if (day === -Infinity) return never;
      const edges = [day + olderThan + 1, day + within + 1].filter((edge) => edge > today);
      return edges.length ? Math.min(...edges, never) : never;
    },
  };
}

function describe(node: SignalCondition, locale: Locale, label: string | undefined): string {
  const ja = locale === 'ja';
  const what = label === undefined ? nameWords(node.signal) : ja ? `「${label}」` : label;
  const parts: string[] = [];
  if (node.distinct)
    parts.push(
      ja ? `${comparisonWords(node.distinct, locale, '種類')}` : `${comparisonWords(node.distinct, locale)} different`,
    );
  if (node.sum)
    parts.push(ja ? `合計${comparisonWords(node.sum, locale)}` : `sum ${comparisonWords(node.sum, locale)}`);
  if (node.count)
    parts.push(ja ? comparisonWords(node.count, locale, '回') : `${comparisonWords(node.count, locale)} times`);
  for (const [when, word] of [
    ['first', ja ? '最初は' : 'first'],
    ['last', ja ? '最後は' : 'last'],
  ] as const) {
    const age = node[when];
    if (age?.within)
      parts.push(
        ja ? `${word}${windowWords(age.within, locale)}以内` : `${word} within ${windowWords(age.within, locale)}`,
      );
    if (age?.olderThan)
      parts.push(
        ja
          ? `${word}${windowWords(age.olderThan, locale)}より前`
          : `${word} more than ${windowWords(age.olderThan, locale)} ago`,
      );
  }
  const within =
    node.within === undefined
      ? ''
      : ja
        ? `過去${windowWords(node.within, locale)}以内に`
        : ` in the last ${windowWords(node.within, locale)}`;
  const tail = parts.join(ja ? '、' : ', ');
  return ja ? `${within}${what}${tail ? `が${tail}` : 'があった'}` : `${what}${tail ? `: ${tail}` : ''}${within}`;
}
