import {
  approvalPrefix,
  outcomePrefix,
  type OutcomeMove,
  isKnown,
  never,
  type AccountFacts,
  SignalReader,
  type Axis,
  type Band,
  type Facts,
  type Grade,
  type LeadMemory,
  type LeadState,
  type LocalDay,
  type SignalDays,
  type Temperature,
} from '#libs/leads/domain';
import {
  nextStage,
  type Approval,
  type Outcome,
  type Stage,
  type StageFacts,
  type StageMove,
} from '#libs/funnel/domain';
import {
  bandOf,
  emptySides,
  fitFlip,
  fitOf,
  gradeOf,
  measureSides,
  scoreOf,
  totalOf,
  type EngagementLine,
  type Sides,
} from '#libs/scoring/domain';
import type { CompiledRulebook } from './compile.js';

export const horizonDays = 400;

/**
 * What a rulebook derives of one lead on one day. Temperature, stage and segments are made when first asked for, in
 * whatever order the rulebook's conditions read them; `parseRulebook` refuses the circles. One instance serves many leads.
 */
export class LeadFacts implements Facts, StageFacts {
  state!: LeadState;
  memory!: LeadMemory;
  /** Nothing that the rulebook derives of a lead reads it. */
  account: AccountFacts | undefined;
  today!: LocalDay;
  engagement = 0;
  fit = 0;
  score = 0;
  grade: Grade = 'D';
  band: Band = 'low';
  private temperatureNow: Temperature | undefined;
  private hotNow: string[] | undefined;
  private move: StageMove | undefined;
  private fitFlipDay: LocalDay | undefined;
  private aheadOfNow = false;
  /** Of segments and stages, by their index: 0 not asked yet, else 1 or -1. */
  private readonly inside: Int8Array;
  private readonly held: Int8Array;
  private readonly linesOf: readonly (readonly EngagementLine[])[];
  private readonly sides: Sides;
  private readonly later: Sides;
  private readonly reader: SignalReader;
  private readonly lines: EngagementLine[] = [];
  private hasMinus = false;
  private generation = 0;
  private readonly knownOn = new Int32Array(horizonDays + 1);
  private readonly leastOn = new Float64Array(horizonDays + 1);
  private readonly greatestOn = new Float64Array(horizonDays + 1);
  readonly signalDays: (slot: number) => SignalDays;

  constructor(readonly rulebook: CompiledRulebook) {
    this.inside = new Int8Array(rulebook.segments.length);
    this.sides = emptySides(rulebook.engagement);
    this.later = emptySides(rulebook.engagement);
    this.reader = new SignalReader(rulebook.signalHashes);
    this.held = new Int8Array(rulebook.funnel.stages.length);
    this.linesOf = rulebook.signalHashes.map((_, slot) =>
      rulebook.engagement.lines.filter((line) => line.slot === slot),
    );
    this.signalDays = (slot) => this.reader.slot(slot);
  }

  at(state: LeadState, memory: LeadMemory, now: number): this {
    const { rulebook } = this;
    this.state = state;
    this.memory = memory;
    this.today = rulebook.zone.localDay(now);
    this.aheadOfNow = state.lastAt !== undefined && state.lastAt > now;
    this.temperatureNow = this.hotNow = this.move = this.fitFlipDay = undefined;
    this.inside.fill(0);
    this.held.fill(0);
    this.reader.at(state);
    this.lines.length = 0;
    this.generation += 1;
    for (let index = 0; index < this.reader.count; index += 1)
      for (const line of this.linesOf[this.reader.present[index]!]!) this.lines.push(line);
    measureSides(this.lines, this.signalDays, this.today, this.sides);
    this.hasMinus = this.sides.minus.some((amount) => amount > 0);
    this.engagement = totalOf(rulebook.engagement, this.sides.plus, this.sides.minus);
    this.fit = fitOf(rulebook.fit, this);
    this.score = scoreOf(rulebook.score, this.engagement, this.fit);
    this.grade = gradeOf(rulebook.fit, this.fit);
    this.band = bandOf(rulebook.score, this.score);
    return this;
  }

  get temperature(): Temperature {
    return (this.temperatureNow ??=
      this.hotRules.length > 0 ? 'hot' : this.rulebook.warm.evaluate(this) ? 'warm' : 'cold');
  }

  /** The names of those that hold; whoever is handed the list may keep it. */
  get hotRules(): string[] {
    if (this.hotNow) return this.hotNow;
    const holding: string[] = [];
    for (const rule of this.rulebook.hot) if (rule.when.evaluate(this)) holding.push(rule.name);
    return (this.hotNow = holding);
  }

  /** Where the lead stands once this look is decided on. */
  get stage(): string | null {
    return this.stageMove.stage;
  }

  get stageMove(): StageMove {
    const { funnel } = this.rulebook;
    return (this.move ??= nextStage(
      funnel,
      this.memory.stage === null ? { ...this.memory, stage: funnel.stages[0]!.name } : this.memory,
      this,
    ));
  }

  holds(stage: Stage): boolean {
    return stage.when !== undefined && this.holdsAt(this.rulebook.funnel.stages.indexOf(stage));
  }

  /** The same by its place in the funnel: a look asks twice. */
  holdsAt(index: number): boolean {
    if (this.held[index] === 0) this.held[index] = this.rulebook.funnel.stages[index]!.when?.evaluate(this) ? 1 : -1;
    return this.held[index]! > 0;
  }

  known(attribute: string): boolean {
    return isKnown(this.state.profile[attribute]?.value);
  }

  get outcome(): Outcome | undefined {
    const stated = this.state.profile['outcome'];
    return typeof stated?.value === 'string' ? { name: stated.value, event: stated.event, at: stated.at } : undefined;
  }

  /** A later one of the same kind says the same about the stage. */
  stands({ outcome, event, at }: OutcomeMove): boolean {
    const said = this.state.profile[outcomePrefix + outcome];
    return said !== undefined && (said.at > at || (said.at === at && said.event >= event));
  }

  approvalOf(stage: string): Approval | undefined {
    const stated = this.state.profile[approvalPrefix + stage];
    return stated && { approved: stated.value === 'approved', event: stated.event };
  }

  inSegment(name: string): boolean {
    const index = this.rulebook.segmentIndex.get(name);
    return index !== undefined && this.inSegmentAt(index);
  }

  inSegmentAt(index: number): boolean {
    const known = this.inside[index]!;
    if (known !== 0) return known > 0;
    const held = this.rulebook.segments[index]!.when.evaluate(this);
    this.inside[index] = held ? 1 : -1;
    return held;
  }

  segmentFlip(name: string): LocalDay {
    const index = this.rulebook.segmentIndex.get(name);
    return index === undefined ? never : this.rulebook.segments[index]!.when.nextFlip(this);
  }

  flipOf(what: 'grade' | 'band' | 'temperature' | 'stage'): LocalDay {
    const { rulebook } = this;
    if (what === 'grade') return this.fitFlip();
    if (what === 'band') {
      const { high, middle } = rulebook.score.bands;
      return Math.min(this.crossingDay('score', high), this.crossingDay('score', middle));
    }
    if (what === 'stage') {
      let flip = never;
      for (const { when } of rulebook.funnel.stages) if (when) flip = Math.min(flip, when.nextFlip(this));
      return flip;
    }
    return this.temperature === 'hot' ? this.hotFlip() : Math.min(this.hotFlip(), rulebook.warm.nextFlip(this));
  }

  /** Hot is `any` of its rules: what holds must all fall, or one must rise. */
  private hotFlip(): LocalDay {
    const hot = this.temperature === 'hot';
    let earliest = never;
    let latest = 0;
    for (const { when } of this.rulebook.hot) {
      if (hot && !when.evaluate(this)) continue;
      const flip = when.nextFlip(this);
      if (flip < earliest) earliest = flip;
      if (flip > latest) latest = flip;
    }
    return hot ? latest : earliest;
  }

  private fitFlip(): LocalDay {
    return (this.fitFlipDay ??= fitFlip(this.rulebook.fit, this));
  }

  /**
   * Scores are not monotonic: a negative line may fade faster than a positive one. But each side only shrinks, so the day
   * is bounded by letting only the side fade that leads towards the threshold.
   */
  crossingDay(axis: Axis, threshold: number): LocalDay {
    const fitDay = axis === 'engagement' ? never : this.fitFlip();
    if (axis === 'fit') return fitDay;
    if (this.aheadOfNow) return this.today + 1;
    const above = this[axis] >= threshold;
    if (!above && !this.hasMinus) return fitDay;
    const { score } = this.rulebook;
    const crossed = (day: LocalDay): boolean => {
      const total = this.extreme(day, above);
      return (axis === 'engagement' ? total : scoreOf(score, total, this.fit)) >= threshold !== above;
    };
    let low = this.today + 1;
    let high = Math.min(this.today + horizonDays, fitDay);
    if (!crossed(high)) return fitDay;
    // an early bound is allowed and an exact one costs more looks: a quarter of the way left open is near enough
    while (high - low > (low - this.today) >> 2) {
      const middle = (low + high) >>> 1;
      if (crossed(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Bounds of the engagement of every day until `day`, if nothing happens; `day` within the horizon. */
  engagementUntil(day: LocalDay): { least: number; greatest: number } {
    return { least: this.extreme(day, true), greatest: this.extreme(day, false) };
  }

  /** The least (or greatest) engagement that any day until `day` may have; several thresholds ask for the same days. */
  private extreme(day: LocalDay, least: boolean): number {
    const known = least ? this.leastOn : this.greatestOn;
    const ahead = day - this.today;
    if (this.knownOn[ahead] !== this.generation) {
      const { engagement } = this.rulebook;
      measureSides(this.lines, this.signalDays, day, this.later);
      this.knownOn[ahead] = this.generation;
      this.leastOn[ahead] = totalOf(engagement, this.later.plus, this.sides.minus);
      this.greatestOn[ahead] = totalOf(engagement, this.sides.plus, this.later.minus);
    }
    return known[ahead]!;
  }
}
