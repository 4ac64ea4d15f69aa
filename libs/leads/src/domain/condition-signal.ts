import type { Comparison, SignalCondition } from './condition.js';
import { daysOf } from './condition-attribute.js';
import { never, type ConditionContext, type Facts, type Leaf, type Locale } from './condition-facts.js';
import { comparisonWords, nameWords, windowWords } from './condition-words.js';
import { distinctLimit } from './fold.js';
import type { DayCounter, LocalDay } from './state.js';

type Days = Record<LocalDay, DayCounter> | undefined;
type Measure = (days: Days, today: LocalDay) => number;

export function compiledComparison(tests: Comparison): (value: number) => boolean {
  const { gte = -Infinity, gt = -Infinity, lte = Infinity, lt = Infinity, eq } = tests;
  if (tests.gt === undefined && tests.lte === undefined && tests.lt === undefined && eq === undefined) return (value) => value >= gte;
  return (value) => value >= gte && value > gt && value <= lte && value < lt && (eq === undefined || value === eq);
}

/** One measured test of a signal: holds where `ok(measure)`. Measures only shrink while nothing happens. */
interface Test {
  measure: Measure;
  ok: (value: number) => boolean;
  nextFlip(days: Days, today: LocalDay): LocalDay;
}

export function signalLeaf(node: SignalCondition, context: ConditionContext): Leaf {
  const hash = context.signalHash(node.signal) ?? '';
  const window = node.within === undefined ? Infinity : daysOf(node.within);
  const tests: Test[] = [];
  const measured = (measure: Measure, comparison: Comparison) => {
    const ok = compiledComparison(comparison);
    tests.push({ measure, ok, nextFlip: (days, today) => stepFlip(days, today, window, measure, ok) });
  };
  if (node.distinct) measured(distinctIn(window), node.distinct);
  if (node.sum) measured(sumIn(window), node.sum);
  if (node.count || (!node.distinct && !node.sum && !node.first && !node.last)) measured(countIn(window), node.count ?? { gte: 1 });
  if (node.first) tests.push(ageTest(firstDay, node.first));
  if (node.last) tests.push(ageTest(lastDay, node.last));
  const [only] = tests;
  const daysIn = (facts: Facts): Days => facts.state.counters[hash];
  const holds = (test: Test, facts: Facts): boolean => test.ok(test.measure(daysIn(facts), facts.today));
  return {
    evaluate: tests.length === 1 ? (facts) => holds(only!, facts) : (facts) => tests.every((test) => holds(test, facts)),
    nextFlip(facts) {
      const days = daysIn(facts);
      if (days === undefined) return never;
      let flip = firstFutureDay(days, facts.today);
      for (const test of tests) flip = Math.min(flip, test.nextFlip(days, facts.today));
      return flip;
    },
    isUnknown: () => false,
    describe: (locale) => describe(node, locale, context.labelOf?.(node.signal, locale)),
    actual(facts, locale) {
      const count = (node.distinct ? distinctIn(window) : node.sum ? sumIn(window) : countIn(window))(daysIn(facts), facts.today);
      return locale === 'ja' ? `${count}${node.sum ? '' : node.distinct ? '種類' : '回'}` : `${count}${node.sum ? '' : node.distinct ? ' different' : count === 1 ? ' time' : ' times'}`;
    },
  };
}

const countIn = (window: number): Measure => (days, today) => {
  let total = 0;
  for (const key in days) {
    const age = today - Number(key);
    if (age >= 0 && age <= window) total += days[Number(key)]!.count;
  }
  return total;
};

const sumIn = (window: number): Measure => (days, today) => {
  let total = 0;
  for (const key in days) {
    const age = today - Number(key);
    if (age >= 0 && age <= window) total += days[Number(key)]!.sum ?? 0;
  }
  return total;
};

/** The union of the days' bottom-k sets, which is exact below k. */
const distinctIn = (window: number): Measure => (days, today) => {
  let one: string[] | undefined;
  let union: Set<string> | undefined;
  for (const key in days) {
    const age = today - Number(key);
    const values = age >= 0 && age <= window ? days[Number(key)]!.distinct : undefined;
    if (!values?.length) continue;
    if (one === undefined) one = values;
    else for (const value of values) (union ??= new Set(one)).add(value);
  }
  return Math.min(distinctLimit, union?.size ?? one?.length ?? 0);
};

/** Integer keys come in ascending order. */
const lastDay: Measure = (days, today) => {
  let last = -Infinity;
  for (const key in days) if (Number(key) <= today) last = Number(key);
  return last;
};

const firstDay: Measure = (days, today) => {
  for (const key in days) return Number(key) <= today ? Number(key) : -Infinity;
  return -Infinity;
};

export function firstFutureDay(days: Days, today: LocalDay): LocalDay {
  for (const key in days) if (Number(key) > today) return Number(key);
  return never;
}

/** The value changes only where a day leaves the window, so those days are tried in order. */
function stepFlip(days: Days, today: LocalDay, window: number, measure: Measure, ok: (value: number) => boolean): LocalDay {
  if (window === Infinity) return never;
  const now = ok(measure(days, today));
  for (const key in days) {
    const leaves = Number(key) + window + 1;
    if (leaves > today && Number(key) <= today && ok(measure(days, leaves)) !== now) return leaves;
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
  if (node.distinct) parts.push(ja ? `${comparisonWords(node.distinct, locale, '種類')}` : `${comparisonWords(node.distinct, locale)} different`);
  if (node.sum) parts.push(ja ? `合計${comparisonWords(node.sum, locale)}` : `sum ${comparisonWords(node.sum, locale)}`);
  if (node.count) parts.push(ja ? comparisonWords(node.count, locale, '回') : `${comparisonWords(node.count, locale)} times`);
  for (const [when, word] of [['first', ja ? '最初は' : 'first'], ['last', ja ? '最後は' : 'last']] as const) {
    const age = node[when];
    if (age?.within) parts.push(ja ? `${word}${windowWords(age.within, locale)}以内` : `${word} within ${windowWords(age.within, locale)}`);
    if (age?.olderThan) parts.push(ja ? `${word}${windowWords(age.olderThan, locale)}より前` : `${word} more than ${windowWords(age.olderThan, locale)} ago`);
  }
  const within = node.within === undefined ? '' : ja ? `過去${windowWords(node.within, locale)}以内に` : ` in the last ${windowWords(node.within, locale)}`;
  const tail = parts.join(ja ? '、' : ', ');
  return ja ? `${within}${what}${tail ? `が${tail}` : 'があった'}` : `${what}${tail ? `: ${tail}` : ''}${within}`;
}
