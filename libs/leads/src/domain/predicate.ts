import { z } from 'zod';
import type { Json } from './event.js';
import { compileTextPattern, foldText, type TextMatch } from './text.js';

const scalar = z.union([z.string().max(2000), z.number(), z.boolean()]);
const text = z.string().min(1).max(500);
const bound = z.number();

/** Every named test must hold. A bare value means `equals`, a bare list `in`. */
export const predicateDefinition = z.union(
  [
    scalar,
    z.array(scalar).min(1).max(1000),
    z
      .strictObject({
        equals: scalar.optional(),
        in: z.array(scalar).min(1).max(1000).optional(),
        startsWith: z.union([text, z.array(text).min(1).max(100)]).optional(),
        endsWith: z.union([text, z.array(text).min(1).max(100)]).optional(),
        contains: z.union([text, z.array(text).min(1).max(100)]).optional(),
        /** Any of these patterns, width- and case-folded; `*` is a gap, `{number}` a number. */
        matches: z.union([text, z.array(text).min(1).max(100)]).optional(),
        gte: bound.optional(),
        lte: bound.optional(),
        gt: bound.optional(),
        lt: bound.optional(),
        exists: z.boolean().optional(),
      })
      .refine((tests) => Object.values(tests).some((test) => test !== undefined), 'names no test'),
  ],
  'expected a value, a list, or an object of equals, in, startsWith, endsWith, contains, matches, gte, lte, gt, lt, exists',
);

export type PredicateDefinition = z.infer<typeof predicateDefinition>;

export interface CompiledPredicate {
  holds(value: Json | undefined): boolean;
  /** Where `matches` has a `{number}`. */
  numberIn?: (value: unknown) => number | undefined;
}

type Test = (value: Json | undefined) => boolean;

export function compilePredicate(definition: PredicateDefinition): CompiledPredicate {
  if (Array.isArray(definition)) return { holds: oneOf(definition) };
  if (typeof definition !== 'object') return { holds: (value) => value === definition };
  const { equals, gte, lte, gt, lt, exists } = definition;
  const tests: Test[] = [];
  if (exists !== undefined) tests.push((value) => (value !== undefined && value !== null && value !== '') === exists);
  if (equals !== undefined) tests.push((value) => value === equals);
  if (definition.in) tests.push(oneOf(definition.in));
  if (definition.startsWith) tests.push(anyText(definition.startsWith, (value, part) => value.startsWith(part)));
  if (definition.endsWith) tests.push(anyText(definition.endsWith, (value, part) => value.endsWith(part)));
  if (definition.contains) tests.push(anyText(definition.contains, (value, part) => value.includes(part)));
  if (gte !== undefined) tests.push((value) => typeof value === 'number' && value >= gte);
  if (lte !== undefined) tests.push((value) => typeof value === 'number' && value <= lte);
  if (gt !== undefined) tests.push((value) => typeof value === 'number' && value > gt);
  if (lt !== undefined) tests.push((value) => typeof value === 'number' && value < lt);
  const found = definition.matches === undefined ? undefined : textFinder([definition.matches].flat());
  if (found) tests.push((value) => found(value) !== undefined);
  const hasNumber = [definition.matches ?? []].flat().some((pattern) => pattern.includes('{number}'));
  return {
    holds: all(tests),
    ...(found && hasNumber ? { numberIn: (value: unknown) => found(value)?.number } : {}),
  };
}

/** Without a closure for each value: every page view is tested for every kind of page. */
function all(tests: readonly Test[]): Test {
  if (tests.length === 1) return tests[0]!;
  return (value) => {
    for (const test of tests) if (!test(value)) return false;
    return true;
  };
}

function oneOf(values: readonly (string | number | boolean)[]): Test {
  const set = new Set<unknown>(values);
  return (value) => set.has(value);
}

/** Compared as it stands, except `contains`' folded sister `matches`: paths and names are case-sensitive. */
function anyText(parts: string | string[], holds: (value: string, part: string) => boolean): Test {
  const list = [parts].flat();
  return (value) => {
    if (typeof value === 'string') for (const part of list) if (holds(value, part)) return true;
    return false;
  };
}

/** The same paths and answers come again and again: what was found in a short text is remembered. */
const mostRemembered = 2_000;
const longestRemembered = 200;

function textFinder(patterns: string[]): (value: unknown) => TextMatch | undefined {
  const finders = patterns.map(compileTextPattern);
  const remembered = new Map<string, TextMatch | undefined>();
  const search = (value: string): TextMatch | undefined => {
    const folded = foldText(value);
    let plain: TextMatch | undefined;
    for (const find of finders) {
      const match = find(folded);
      if (match?.number !== undefined) return match;
      plain ??= match;
    }
    return plain;
  };
  return (value) => {
    if (typeof value !== 'string') return undefined;
    if (value.length > longestRemembered) return search(value);
    const known = remembered.get(value);
    if (known !== undefined || remembered.has(value)) return known;
    if (remembered.size >= mostRemembered) remembered.clear();
    const found = search(value);
    remembered.set(value, found);
    return found;
  };
}
