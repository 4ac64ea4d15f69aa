import type { Condition } from './condition.js';
import { accountLeaf } from './condition-account.js';
import { attributeLeaf } from './condition-attribute.js';
import {
  never,
  type CompiledCondition,
  type ConditionContext,
  type ExplainedLine,
  type Facts,
  type Leaf,
  type Locale,
} from './condition-facts.js';
import { levelLeaf } from './condition-level.js';
import { qualificationLeaf } from './condition-qualification.js';
import { signalLeaf } from './condition-signal.js';

export function compileCondition(node: Condition, context: ConditionContext): CompiledCondition {
  if ('all' in node)
    return branch(
      node.all.map((child) => compileCondition(child, context)),
      true,
    );
  if ('any' in node)
    return branch(
      node.any.map((child) => compileCondition(child, context)),
      false,
    );
  if ('not' in node) return negation(compileCondition(node.not, context));
  if ('attribute' in node) return withParts(attributeLeaf(node));
  if ('qualification' in node) return withParts(qualificationLeaf(node, context));
  if ('signal' in node) return withParts(signalLeaf(node, context));
  if ('account' in node) return withParts(accountLeaf(node.account, context));
  return withParts(levelLeaf(node, context));
}

/** Without parts of its own, a condition is its only part. */
function withParts(leaf: Leaf, parts?: readonly CompiledCondition[]): CompiledCondition {
  const compiled: CompiledCondition = {
    ...leaf,
    get parts() {
      return parts ?? [compiled];
    },
    explain: (facts, locale) => ({
      held: leaf.evaluate(facts),
      lines: compiled.parts.map((part) => lineOf(part, facts, locale)),
    }),
  };
  return compiled;
}

const lineOf = (condition: CompiledCondition, facts: Facts, locale: Locale): ExplainedLine => {
  const actual = condition.actual?.(facts, locale);
  return {
    text: condition.describe(locale),
    held: condition.evaluate(facts),
    unknown: condition.isUnknown(facts),
    ...(actual === undefined ? {} : { actual }),
  };
};

const joins = {
  ja: { all: '、かつ', any: '、または', not: '「', end: '」ではない' },
  en: { all: ' and ', any: ' or ', not: 'not: ', end: '' },
};

function branch(children: CompiledCondition[], all: boolean): CompiledCondition {
  const evaluate = (facts: Facts): boolean => {
    for (const child of children) if (child.evaluate(facts) !== all) return !all;
    return all;
  };
  const fixed = children.filter((child) => child.timeless);
  const moving = children.filter((child) => !child.timeless);
  const timeless = moving.length === 0;
  const leaf: Leaf = {
    evaluate,
    timeless,
    nextFlip(facts) {
      if (timeless) return never;
      // to turn an `all` that fails, every child that fails must turn first; to turn one that holds, any child may
      const resting = evaluate(facts) === all;
      if (!resting) for (const child of fixed) if (child.evaluate(facts) !== all) return never;
      let earliest = never;
      let latest = -never;
      for (const child of moving) {
        if (!resting && child.evaluate(facts) === all) continue;
        const flip = child.nextFlip(facts);
        if (!resting && flip === never) return never;
        if (flip < earliest) earliest = flip;
        if (flip > latest) latest = flip;
      }
      return resting ? earliest : latest;
    },
    describe(locale) {
      const words = children.map((child) => child.describe(locale));
      return words.length === 1 ? words[0]! : `(${words.join(joins[locale][all ? 'all' : 'any'])})`;
    },
    isUnknown: (facts) => children.some((child) => child.isUnknown(facts)),
  };
  return withParts(leaf, all ? children.flatMap((child) => child.parts) : undefined);
}

function negation(child: CompiledCondition): CompiledCondition {
  return withParts({
    evaluate: (facts) => !child.evaluate(facts),
    nextFlip: (facts) => child.nextFlip(facts),
    timeless: child.timeless,
    describe: (locale) => `${joins[locale].not}${child.describe(locale)}${joins[locale].end}`,
    isUnknown: (facts) => child.isUnknown(facts),
  });
}
