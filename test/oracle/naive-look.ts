import {
  addMonths,
  foldText,
  parseDay,
  type Condition,
  type DayCounter,
  type Json,
  type LeadState,
  type LocalDay,
} from '#libs/leads/domain';
import type { EngagementRule } from '#libs/scoring/domain';
import type { RulebookDocument } from '#libs/projection/domain';

/**
 * The slow definition of a look: the document is read as it stands, day by day, in exact rationals; nothing is compiled,
 * ordered or remembered. It shares only leaf helpers (civil dates, text folding) with the product.
 */
export interface NaiveLook {
  engagement: number;
  fit: number;
  score: number;
  grade: string;
  band: string;
  temperature: string;
  hotRules: string[];
  segments: string[];
  stagesHeld: string[];
  rearm: boolean;
}

export class NaiveLooker {
  constructor(
    private readonly document: RulebookDocument,
    private readonly hashOf: (signal: string) => string,
    private readonly state: LeadState,
    private readonly today: LocalDay,
    private readonly stage: string | null,
  ) {}

  look(): NaiveLook {
    const { document } = this;
    const named = (map: Record<string, Condition>) =>
      Object.keys(map)
        .sort()
        .filter((name) => this.holds(map[name]!));
    return {
      engagement: this.engagement(),
      fit: this.fit(),
      score: this.score(),
      grade: this.grade(),
      band: this.band(),
      temperature: this.temperature(),
      hotRules: named(document.hot),
      segments: named(document.segments ?? {}),
      stagesHeld: document.stages.filter((stage) => stage.when && this.holds(stage.when)).map((stage) => stage.name),
      rearm: document.rearm ? this.holds(document.rearm) : this.temperature() !== 'hot',
    };
  }

  private cells(signal: string, within?: string): [LocalDay, DayCounter][] {
    return Object.entries(this.state.counters[this.hashOf(signal)] ?? {})
      .map(([day, counter]): [LocalDay, DayCounter] => [Number(day), counter])
      .filter(([day]) => day <= this.today && (within === undefined || this.today - day <= daysIn(within)));
  }

  line(rule: EngagementRule): number {
    const all = this.cells(rule.signal);
    if (rule.expires !== undefined && !all.some(([day]) => this.today - day <= daysIn(rule.expires!))) return 0;
    let sum = 0n;
    for (const [day, counter] of this.cells(rule.signal, rule.window)) {
      const times = Math.min(
        rule.count === 'distinct' ? (counter.distinct ?? []).length : counter.count,
        rule.timesPerDay ?? Infinity,
      );
      const weight = rule.halfLife === undefined ? billion : weightOf(this.today - day, daysIn(rule.halfLife));
      sum += BigInt(times) * BigInt(Math.round(Math.abs(rule.points) * 10)) * weight;
    }
    const cap = rule.cap === undefined ? sum : BigInt(Math.round(rule.cap * 10)) * billion;
    const size = Number(halfUp(sum < cap ? sum : cap, billion));
    return rule.points < 0 && size > 0 ? -size : size;
  }

  private engagement(): number {
    const { engagement, groups = {} } = this.document;
    let total = engagement.filter((rule) => rule.group === undefined).reduce((sum, rule) => sum + this.line(rule), 0);
    for (const [name, group] of Object.entries(groups)) {
      const sum = engagement.filter((rule) => rule.group === name).reduce((part, rule) => part + this.line(rule), 0);
      const cap = Math.round(group.cap * 10);
      total += sum > cap ? cap : sum < -cap ? -cap : sum;
    }
    return total;
  }

  private fit(): number {
    return this.document.fit
      .filter((rule) => this.holds(rule.when))
      .reduce((sum, rule) => sum + Math.round(rule.points * 10), 0);
  }

  private score(): number {
    const { engagement, fit, minimum } = this.document.score;
    const part = (amount: number, weight: number) =>
      Math.sign(amount) * Number(halfUp(BigInt(Math.abs(amount)) * BigInt(Math.round(weight * 1000)), 1000n));
    const sum = 0 + part(this.engagement(), engagement) + part(this.fit(), fit);
    return minimum === undefined ? sum : Math.max(sum, Math.round(minimum * 10));
  }

  private grade(): string {
    const { A, B, C } = this.document.grades;
    const fit = this.fit() / 10;
    return fit >= A ? 'A' : fit >= B ? 'B' : fit >= C ? 'C' : 'D';
  }

  private band(): string {
    const { high, middle } = this.document.score.bands;
    const score = this.score() / 10;
    return score >= high ? 'high' : score >= middle ? 'middle' : 'low';
  }

  private temperature(): string {
    if (Object.values(this.document.hot).some((rule) => this.holds(rule))) return 'hot';
    const { matrix, warm } = this.document;
    if (!matrix) return this.holds(warm!) ? 'warm' : 'cold';
    // read like the table that it is: down to the row, right until the next border is not reached
    let column = 0;
    while (column < matrix.engagement.length && this.engagement() >= Math.round(matrix.engagement[column]! * 10))
      column += 1;
    return matrix[this.grade() as 'A' | 'B' | 'C' | 'D'][column]!;
  }

  holds(node: Condition): boolean {
    if ('all' in node) return node.all.every((child) => this.holds(child));
    if ('any' in node) return node.any.some((child) => this.holds(child));
    if ('not' in node) return !this.holds(node.not);
    if ('segment' in node) return this.holds(this.document.segments![node.segment]!);
    if ('score' in node) return compares(this.score() / 10, node.score);
    if ('engagement' in node) return compares(this.engagement() / 10, node.engagement);
    if ('fit' in node) return compares(this.fit() / 10, node.fit);
    if ('grade' in node) return isLevel(['A', 'B', 'C', 'D'], this.grade(), node.grade);
    if ('band' in node) return isLevel(['high', 'middle', 'low'], this.band(), node.band);
    if ('temperature' in node) return isLevel(['hot', 'warm', 'cold'], this.temperature(), node.temperature);
    if ('stage' in node)
      return isLevel(this.document.stages.map((stage) => stage.name).reverse(), this.stage, node.stage);
    if ('account' in node) return false;
    if ('consent' in node) return this.state.consent[node.consent]?.value.state === (node.state ?? 'granted');
    if ('attribute' in node) return this.attributeHolds(node);
    if ('qualification' in node) return this.answersHold(node);
    const cells = this.cells(node.signal, node.within);
    const age = (
      days: LocalDay[],
      pick: (...days: number[]) => number,
      tests?: { within?: string; olderThan?: string },
    ) =>
      tests === undefined ||
      (days.length > 0 &&
        (tests.within === undefined || this.today - pick(...days) <= daysIn(tests.within)) &&
        (tests.olderThan === undefined || this.today - pick(...days) > daysIn(tests.olderThan)));
    const ever = this.cells(node.signal).map(([day]) => day);
    const count = cells.reduce((sum, [, counter]) => sum + counter.count, 0);
    const distinct = new Set(cells.flatMap(([, counter]) => counter.distinct ?? [])).size;
    const bare = !node.count && !node.distinct && !node.sum && !node.first && !node.last;
    return (
      (!node.distinct || compares(Math.min(distinct, 64), node.distinct)) &&
      (!node.sum ||
        compares(
          cells.reduce((sum, [, counter]) => sum + (counter.sum ?? 0), 0),
          node.sum,
        )) &&
      (!node.count || compares(count, node.count)) &&
      (!bare || count > 0) &&
      age(ever, Math.min, node.first) &&
      age(ever, Math.max, node.last)
    );
  }

  private answersHold(node: Extract<Condition, { qualification: string }>): boolean {
    type Given = { answer: Json; grade?: string } | null | undefined;
    const given = (key: string) => this.state.profile[`qualification.${key}`]?.value as unknown as Given;
    const [name, one] = node.qualification.split('.');
    const asked = this.document.frameworks!.find((framework) => framework.name === name)!.questions;
    const answers = (one ? [node.qualification] : asked.map((question) => `${name}.${question.name}`)).map(given);
    const open = answers.filter((answer) => !answer).length;
    const poor = answers.filter((answer) => answer?.grade === 'poor').length;
    if (Object.keys(node).length === 1) return open === 0;
    if (node.answered !== undefined && (open === 0) !== node.answered) return false;
    if (node.gap !== undefined && open + poor > 0 !== node.gap) return false;
    if (node.answers && !compares(answers.length - open, node.answers)) return false;
    if (node.graded !== undefined && !isLevel(['good', 'fair', 'poor'], answers[0]?.grade ?? null, node.graded))
      return false;
    if (node.equals === undefined && !['gte', 'gt', 'lte', 'lt'].some((test) => test in node)) return true;
    const answer = answers[0]?.answer;
    if (answer === undefined) return false;
    if (node.equals !== undefined && answer !== node.equals) return false;
    return compares(typeof answer === 'number' ? answer : NaN, node, true);
  }

  private attributeHolds(node: Extract<Condition, { attribute: string }>): boolean {
    const value: Json | undefined = this.state.profile[node.attribute]?.value;
    const known = value !== undefined && value !== null && value !== '';
    if (node.exists !== undefined && node.exists !== known) return false;
    if (!known) return Object.keys(node).every((key) => key === 'attribute' || key === 'exists');
    const number = typeof value === 'number' ? value : NaN;
    const same = (wanted: Json) =>
      wanted === value ||
      (typeof wanted === 'string' && typeof value === 'string' && foldText(wanted).trim() === foldText(value).trim());
    if (node.equals !== undefined && !same(node.equals)) return false;
    if (node.in && !node.in.some(same)) return false;
    if (!compares(number, node, true)) return false;
    if (
      node.contains !== undefined &&
      ![node.contains].flat().some((part) => foldText(String(value)).includes(foldText(part)))
    )
      return false;
    if (node.within === undefined) return true;
    const date = typeof value === 'string' ? parseDay(value) : undefined;
    const months = /^(\d+)mo$/.exec(node.within);
    const end = months ? addMonths(this.today, Number(months[1])) : this.today + daysIn(node.within);
    return date !== undefined && this.today <= date && date <= end;
  }
}

const billion = 1_000_000_000n;
const halfUp = (amount: bigint, unit: bigint): bigint => (2n * amount + unit) / (2n * unit);
const daysIn = (window: string): number => Number.parseInt(window, 10) * (window.endsWith('w') ? 7 : 1);

const weights = new Map<string, bigint>();

/** The greatest n with n − ½ ≤ 10⁹ · 2^(−age / halfLife), found by halving an interval of whole numbers. */
export function weightOf(age: number, halfLife: number): bigint {
  if (age > 31 * halfLife) return 0n;
  const key = `${age}/${halfLife}`;
  const known = weights.get(key);
  if (known !== undefined) return known;
  const power = (2n * billion) ** BigInt(halfLife);
  let [low, high] = [0n, billion];
  while (low < high) {
    const n = (low + high + 1n) / 2n;
    if ((2n * n - 1n) ** BigInt(halfLife) * 2n ** BigInt(age) <= power) low = n;
    else high = n - 1n;
  }
  weights.set(key, low);
  return low;
}

type Tests = { gte?: number; gt?: number; lte?: number; lt?: number; eq?: number };
const compares = (value: number, { gte, gt, lte, lt, eq }: Tests, ignoreEq = false): boolean =>
  (gte === undefined || value >= gte) &&
  (gt === undefined || value > gt) &&
  (lte === undefined || value <= lte) &&
  (lt === undefined || value < lt) &&
  (ignoreEq || eq === undefined || value === eq);

const isLevel = (bestFirst: string[], value: string | null, wanted: string | { atLeast: string }): boolean =>
  typeof wanted === 'string'
    ? value === wanted
    : value !== null && bestFirst.includes(value) && bestFirst.indexOf(value) <= bestFirst.indexOf(wanted.atLeast);
