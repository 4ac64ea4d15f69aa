import type { AttributeCondition } from './condition.js';
import { never, type Facts, type Leaf, type Locale } from './condition-facts.js';
import { attributeWords, listWords, windowWords } from './condition-words.js';
import type { Json } from './event.js';
import { addMonths, parseDay } from './local-day.js';
import type { LocalDay } from './state.js';
import { compileTextPattern, foldText } from './text.js';

type Test = (value: Json) => boolean;

/** Comparing an unknown attribute is false, whatever the comparison. */
export function attributeLeaf(node: AttributeCondition): Leaf {
  const { attribute, exists, within } = node;
  const tests = valueTests(node);
  const horizon = within === undefined ? undefined : endOf(within);
  const valueOf = (facts: Facts): Json | undefined => {
    const value = facts.state.profile[attribute]?.value;
    return value === null || value === '' ? undefined : value;
  };
  const holdsToday = (value: Json, today: LocalDay): boolean => {
    if (!horizon) return true;
    const date = dateOf(value);
    return date !== undefined && today <= date && date <= horizon(today);
  };
  return {
    evaluate(facts) {
      const value = valueOf(facts);
      if (exists !== undefined && (value !== undefined) !== exists) return false;
      if (value === undefined) return tests.length === 0 && !horizon;
      for (const test of tests) if (!test(value)) return false;
      return holdsToday(value, facts.today);
    },
    nextFlip(facts) {
      if (!horizon) return never;
      const value = valueOf(facts);
      const date = value === undefined ? undefined : dateOf(value);
      if (date === undefined || date < facts.today || !tests.every((test) => test(value!))) return never;
      if (date <= horizon(facts.today)) return date + 1;
      return firstDayReaching(date, facts.today, horizon);
    },
    timeless: !horizon,
    isUnknown: (facts) => exists === undefined && valueOf(facts) === undefined,
    describe: (locale) => describe(node, locale),
    actual(facts) {
      const value = valueOf(facts);
      return value === undefined || typeof value === 'object' ? undefined : String(value);
    },
  };
}

type ValueTests = Omit<AttributeCondition, 'attribute' | 'exists' | 'within'>;

/** What a condition demands of one value. */
export function valueTests(node: ValueTests): Test[] {
  const { equals, gte, gt, lte, lt } = node;
  const tests: Test[] = [];
  if (equals !== undefined) tests.push(sameAs([equals]));
  if (node.in) tests.push(sameAs(node.in));
  if (gte !== undefined) tests.push((value) => numberOf(value) >= gte);
  if (gt !== undefined) tests.push((value) => numberOf(value) > gt);
  if (lte !== undefined) tests.push((value) => numberOf(value) <= lte);
  if (lt !== undefined) tests.push((value) => numberOf(value) < lt);
  if (node.contains !== undefined) {
    const parts = [node.contains].flat().map(foldText);
    tests.push(remembered((text) => parts.some((part) => text.includes(part))));
  }
  if (node.matches !== undefined) {
    const patterns = [node.matches].flat().map(compileTextPattern);
    tests.push(remembered((text) => patterns.some((pattern) => pattern(text) !== undefined)));
  }
  return tests;
}

/** Industries, departments and titles repeat from lead to lead, and folding text is dear. */
function remembered(test: (foldedText: string) => boolean): Test {
  const known = new Map<Json, boolean>();
  return (value) => {
    let held = known.get(value);
    if (held === undefined) {
      held = test(foldText(String(value)));
      if (known.size >= 2000) known.clear();
      known.set(value, held);
    }
    return held;
  };
}

function sameAs(wanted: readonly (string | number | boolean)[]): Test {
  const exact = new Set<Json>(wanted);
  const folded = new Set(wanted.filter((value) => typeof value === 'string').map((value) => foldText(value).trim()));
  const foldedTest = remembered((text) => folded.has(text.trim()));
  return (value) => exact.has(value) || (typeof value === 'string' && foldedTest(value));
}

/** NaN, which no comparison likes, for everything but a number or its digits. */
function numberOf(value: Json): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return NaN;
  const digits = value.normalize('NFKC').replaceAll(',', '').trim();
  return /^-?\d{1,15}(\.\d{1,9})?$/.test(digits) ? Number(digits) : NaN;
}

const dates = new Map<Json, LocalDay | undefined>();

function dateOf(value: Json): LocalDay | undefined {
  if (!dates.has(value)) {
    if (dates.size >= 5000) dates.clear();
    dates.set(value, typeof value === 'string' ? parseDay(value.slice(0, 10)) : undefined);
  }
  return dates.get(value);
}

function endOf(within: string): (today: LocalDay) => LocalDay {
  const { amount, unit } = partsOf(within);
  if (unit === 'mo') {
    let [from, end] = [NaN, NaN];
    return (today) => (today === from ? end : (end = addMonths((from = today), amount)));
  }
  const days = unit === 'w' ? amount * 7 : amount;
  return (today) => today + days;
}

/** `14d` → 14, `2w` → 14. */
export function daysOf(window: string): number {
  const { amount, unit } = partsOf(window);
  return unit === 'w' ? amount * 7 : amount;
}

export function partsOf(window: string): { amount: number; unit: string } {
  const match = /^(\d+)(d|w|mo)$/.exec(window);
  return { amount: Number(match?.[1]), unit: match?.[2] ?? 'd' };
}

/** A month's end moves by at most three days against the day counted back, so the search is short. */
function firstDayReaching(date: LocalDay, today: LocalDay, horizon: (day: LocalDay) => LocalDay): LocalDay {
  let day = Math.max(today + 1, date - (horizon(date) - date) - 4);
  while (horizon(day) < date) day += 1;
  return day;
}

function describe(node: AttributeCondition, locale: Locale): string {
  const what = attributeWords(node.attribute, locale);
  const ja = locale === 'ja';
  const parts: string[] = [];
  if (node.exists !== undefined)
    parts.push(
      ja
        ? node.exists
          ? `${what}が分かっている`
          : `${what}が不明`
        : `${what} is ${node.exists ? 'known' : 'unknown'}`,
    );
  parts.push(...valueWords(what, node, locale));
  if (node.within !== undefined)
    parts.push(
      ja
        ? `${what}が今日から${windowWords(node.within, locale)}以内`
        : `${what} within ${windowWords(node.within, locale)} from now`,
    );
  return parts.join(ja ? '、かつ' : ' and ');
}

/** The same demands in words. */
export function valueWords(what: string, node: ValueTests, locale: Locale): string[] {
  const ja = locale === 'ja';
  const parts: string[] = [];
  const values = node.in ?? (node.equals === undefined ? undefined : [node.equals]);
  if (values) parts.push(ja ? `${what}が${listWords(values, locale)}` : `${what} is ${listWords(values, locale)}`);
  if (node.gte !== undefined) parts.push(ja ? `${what}が${node.gte}以上` : `${what} at least ${node.gte}`);
  if (node.gt !== undefined) parts.push(ja ? `${what}が${node.gt}より大きい` : `${what} more than ${node.gt}`);
  if (node.lte !== undefined) parts.push(ja ? `${what}が${node.lte}以下` : `${what} at most ${node.lte}`);
  if (node.lt !== undefined) parts.push(ja ? `${what}が${node.lt}未満` : `${what} less than ${node.lt}`);
  const like = node.contains ?? node.matches;
  if (like !== undefined)
    parts.push(
      ja
        ? `${what}に${listWords([like].flat(), locale)}を含む`
        : `${what} mentions ${listWords([like].flat(), locale)}`,
    );
  return parts;
}
