import type { AccountFacts } from './account-facts.js';
import type { Band, Grade, Temperature } from './condition.js';
import type { Zone } from './local-day.js';
import type { Framework } from './qualification.js';
import type { SignalDays } from './signal-days.js';
import type { LeadState, LocalDay } from './state.js';

export type Locale = 'ja' | 'en';
/** No flip to come: later than any day that is asked for. */
export const never: LocalDay = Number.MAX_SAFE_INTEGER;

/** What a condition reads of one lead at one moment. Points are integers in tenths. */
export interface Facts {
  readonly state: LeadState;
  /** The days of the signal that `ConditionContext.signalSlot` named. */
  signalDays(slot: number): SignalDays;
  readonly today: LocalDay;
  readonly engagement: number;
  readonly fit: number;
  readonly score: number;
  readonly grade: Grade;
  readonly band: Band;
  readonly temperature: Temperature;
  readonly stage: string | null;
  /** Only where a condition outside the rulebook asks about the company; undefined for a lead that belongs to none. */
  readonly account?: AccountFacts | undefined;
  inSegment(name: string): boolean;
  /** The first day, never a later one, on which this axis may stand on the other side of `threshold` (tenths). */
  crossingDay(axis: Axis, threshold: number): LocalDay;
  /** The same for what the rulebook itself derives. */
  flipOf(what: 'grade' | 'band' | 'temperature' | 'stage'): LocalDay;
  segmentFlip(name: string): LocalDay;
}

export type Axis = 'engagement' | 'fit' | 'score';

/** What a condition is compiled against. */
export interface ConditionContext {
  zone: Zone;
  /** Where `Facts.signalDays` finds this signal. */
  signalSlot(name: string): number;
  /** In the order of the funnel. */
  stages: readonly string[];
  /** What may be asked about a lead. */
  frameworks?: readonly Framework[];
  /** What people call a signal, segment or stage. */
  labelOf?(name: string, locale: Locale): string | undefined;
}

export interface ExplainedLine {
  text: string;
  held: boolean;
  /** It reads something that nobody knows about this lead. */
  unknown: boolean;
  /** What stands there now, in words, if that can be said briefly. */
  actual?: string;
}

export interface CompiledCondition {
  evaluate(facts: Facts): boolean;
  /** No later than the first day on which, with no new event, the answer differs; `never` if none. */
  nextFlip(facts: Facts): LocalDay;
  /** True where time alone never changes the answer. */
  readonly timeless: boolean;
  describe(locale: Locale): string;
  isUnknown(facts: Facts): boolean;
  actual?(facts: Facts, locale: Locale): string | undefined;
  /** The lines of its parts: what an `all` demands one by one, else itself. */
  explain(facts: Facts, locale: Locale): { held: boolean; lines: ExplainedLine[] };
  readonly parts: readonly CompiledCondition[];
}

export type Leaf = Omit<CompiledCondition, 'explain' | 'parts'>;
