import { bandOrder, gradeOrder, temperatureOrder, type Comparison, type Condition } from './condition.js';
import { never, type Axis, type ConditionContext, type Facts, type Leaf, type Locale } from './condition-facts.js';
import { compiledComparison } from './condition-signal.js';
import { comparisonWords, levelWords, nameWords } from './condition-words.js';

type LevelCondition = Exclude<
  Condition,
  | { all: unknown }
  | { any: unknown }
  | { not: unknown }
  | { attribute: unknown }
  | { signal: unknown }
  | { qualification: unknown }
  | { account: unknown }
>;

export const tenths = (points: number): number => Math.round(points * 10);

/** Conditions over what the rulebook itself derives, and over consent. */
export function levelLeaf(node: LevelCondition, context: ConditionContext): Leaf {
  if ('score' in node) return axisLeaf('score', node.score);
  if ('engagement' in node) return axisLeaf('engagement', node.engagement);
  if ('fit' in node) return axisLeaf('fit', node.fit);
  if ('grade' in node) return orderedLeaf('grade', gradeOrder, node.grade);
  if ('band' in node) return orderedLeaf('band', bandOrder, node.band);
  if ('temperature' in node) return orderedLeaf('temperature', temperatureOrder, node.temperature);
  if ('stage' in node) return orderedLeaf('stage', context.stages.toReversed(), node.stage, context);
  if ('segment' in node) return segmentLeaf(node.segment, context);
  return consentLeaf(node.consent, node.state ?? 'granted');
}

export function scaledToTenths(comparison: Comparison): Comparison {
  const scaled: Comparison = {};
  for (const [test, points] of Object.entries(comparison) as [keyof Comparison, number | undefined][])
    if (points !== undefined) scaled[test] = tenths(points);
  return scaled;
}

/** Stated as "at or above": gt t is at or above t + 1 tenth. */
export const thresholdsOf = ({ gte, gt, lte, lt, eq }: Comparison): number[] =>
  [
    gte,
    lt,
    gt === undefined ? gt : gt + 1,
    lte === undefined ? lte : lte + 1,
    eq,
    eq === undefined ? eq : eq + 1,
  ].filter((threshold) => threshold !== undefined);

function axisLeaf(axis: Axis, comparison: Comparison): Leaf {
  const scaled = scaledToTenths(comparison);
  const ok = compiledComparison(scaled);
  const thresholds = thresholdsOf(scaled);
  return {
    evaluate: (facts) => ok(facts[axis]),
    nextFlip: (facts) => Math.min(never, ...thresholds.map((threshold) => facts.crossingDay(axis, threshold))),
    timeless: false,
    isUnknown: () => false,
    describe: (locale) =>
      locale === 'ja'
        ? `${levelWords(axis, locale)}が${comparisonWords(comparison, locale, '点')}`
        : `${levelWords(axis, locale)} ${comparisonWords(comparison, locale)}`,
    actual: (facts) => String(facts[axis] / 10),
  };
}

function orderedLeaf<T extends string>(
  what: 'grade' | 'band' | 'temperature' | 'stage',
  bestFirst: readonly T[],
  wanted: T | { atLeast: T },
  context?: ConditionContext,
): Leaf {
  const atLeast = typeof wanted === 'object';
  const level = atLeast ? wanted.atLeast : wanted;
  const accepted = new Set<string | null>(atLeast ? bestFirst.slice(0, bestFirst.indexOf(level) + 1) : [level]);
  return {
    evaluate: (facts) => accepted.has(facts[what]),
    nextFlip: (facts) => facts.flipOf(what),
    timeless: false,
    isUnknown: () => false,
    describe(locale: Locale) {
      const [name, value] = [levelWords(what, locale), context?.labelOf?.(level, locale) ?? levelWords(level, locale)];
      if (locale === 'ja') return `${name}が${value}${atLeast ? '以上' : ''}`;
      return `${name} ${atLeast ? 'at least ' : ''}${value}`;
    },
    actual: (facts, locale) => {
      const value = facts[what];
      return value === null ? undefined : levelWords(value, locale);
    },
  };
}

const segmentLeaf = (name: string, context: ConditionContext): Leaf => ({
  evaluate: (facts) => facts.inSegment(name),
  nextFlip: (facts) => facts.segmentFlip(name),
  timeless: false,
  isUnknown: () => false,
  describe: (locale) => {
    const label = context.labelOf?.(name, locale);
    return locale === 'ja' ? `セグメント「${label ?? name}」に属する` : `in segment ${label ?? nameWords(name)}`;
  },
});

const consentLeaf = (purpose: string, state: 'granted' | 'withdrawn'): Leaf => {
  const recordOf = (facts: Facts) => facts.state.consent[purpose]?.value;
  return {
    evaluate: (facts) => recordOf(facts)?.state === state,
    nextFlip: () => never,
    timeless: true,
    isUnknown: (facts) => recordOf(facts) === undefined,
    describe: (locale) =>
      locale === 'ja'
        ? `${purpose}の同意${state === 'granted' ? 'がある' : 'が撤回された'}`
        : `consent to ${purpose} ${state}`,
  };
};
