import type {
  AccountFacts,
  Band,
  CompiledCondition,
  Grade,
  HeldMove,
  LeadMemory,
  LeadState,
  LocalDay,
  OutcomeMove,
  Temperature,
} from '#libs/leads/domain';
import type { CompiledRulebook } from './compile.js';
import { horizonDays, LeadFacts } from './facts.js';

/** What a rulebook makes of a lead on one day. Scores in tenths of a point. */
export interface Look {
  day: LocalDay;
  engagement: number;
  fit: number;
  score: number;
  grade: Grade;
  band: Band;
  temperature: Temperature;
  /** The hot rules that hold, by name. */
  hotRules: string[];
  /** Whether a lead that has crossed would be armed again. */
  rearm: boolean;
  /** Where it stands after this look; `initialStage` is where every lead begins. */
  stage: string | null;
  initialStage: string;
  /** The furthest stage whose condition holds, wherever the lead stands. */
  stageHeld: string | null;
  /** The outcome of sales that is now accounted for, and the stages closed to conditions (see `LeadMemory`). */
  outcome: string | undefined;
  moves: readonly OutcomeMove[];
  movesSince: number | undefined;
  withdrawn: string | undefined;
  blocked: readonly string[];
  /** Moves forward that wait, and the approvals that count no more (see `LeadMemory`). */
  held: readonly HeldMove[];
  accounted: readonly string[];
  segments: string[];
  /** Milliseconds: the start of a local day, never later than the first on which something decided on differs. */
  nextChangeAt: number;
}

/** What is seen at once, without looking ahead, which is a third of the work. */
export type Seen = Omit<Look, 'nextChangeAt'>;

const none: readonly CompiledCondition[] = [];
const shared = new WeakMap<CompiledRulebook, LeadFacts>();

export function sharedFacts(rulebook: CompiledRulebook): LeadFacts {
  let facts = shared.get(rulebook);
  if (!facts) shared.set(rulebook, (facts = new LeadFacts(rulebook)));
  return facts;
}

/** What conditions outside the rulebook (a scenario's) are evaluated on. */
export function factsOf(
  state: LeadState,
  rulebook: CompiledRulebook,
  memory: LeadMemory,
  now: number,
  account?: AccountFacts,
): LeadFacts {
  const facts = new LeadFacts(rulebook).at(state, memory, now);
  facts.account = account;
  return facts;
}

/** Pure, and cheap: every lead of every batch passes here. */
export function look(
  state: LeadState,
  rulebook: CompiledRulebook,
  memory: LeadMemory,
  now: number,
  /** Conditions outside the rulebook whose flips are changes too. */
  awaited: readonly CompiledCondition[] = none,
): Look {
  const facts = sharedFacts(rulebook).at(state, memory, now);
  // what was just made is nobody else's; a copy costs as much as making it
  return Object.assign(seenOn(facts), { nextChangeAt: rulebook.zone.dayStart(nextChangeDay(facts, awaited)) });
}

/** For whoever asks for the present alone: readers, and counts over all leads. */
export function lookOnce(
  state: LeadState,
  rulebook: CompiledRulebook,
  memory: LeadMemory,
  now: number,
  /** What the look was made of, for as long as it stands at this lead. */
  onFacts?: (facts: LeadFacts) => void,
): Seen {
  const facts = sharedFacts(rulebook).at(state, memory, now);
  const seen = seenOn(facts);
  onFacts?.(facts);
  return seen;
}

function seenOn(facts: LeadFacts): Seen {
  const { rulebook } = facts;
  const segments: string[] = [];
  for (let index = 0; index < rulebook.segments.length; index += 1)
    if (facts.inSegmentAt(index)) segments.push(rulebook.segments[index]!.name);
  const { stages } = rulebook.funnel;
  let stageHeld: string | null = null;
  for (let index = 0; index < stages.length; index += 1) if (facts.holdsAt(index)) stageHeld = stages[index]!.name;
  const { temperature, stageMove } = facts;
  return {
    day: facts.today,
    engagement: facts.engagement,
    fit: facts.fit,
    score: facts.score,
    grade: facts.grade,
    band: facts.band,
    temperature,
    hotRules: facts.hotRules,
    rearm: rulebook.rearm ? rulebook.rearm.evaluate(facts) : temperature !== 'hot',
    stage: stageMove.stage,
    initialStage: stages[0]!.name,
    stageHeld,
    outcome: stageMove.outcome,
    moves: stageMove.moves,
    movesSince: stageMove.movesSince,
    withdrawn: stageMove.withdrawn,
    blocked: stageMove.blocked,
    held: stageMove.held,
    accounted: stageMove.accounted,
    segments,
  };
}

function nextChangeDay(facts: LeadFacts, awaited: readonly CompiledCondition[]): LocalDay {
  const { rulebook } = facts;
  let day = Math.min(
    facts.today + horizonDays,
    facts.flipOf('temperature'),
    facts.flipOf('grade'),
    facts.flipOf('band'),
    facts.flipOf('stage'),
  );
  if (rulebook.rearm) day = Math.min(day, rulebook.rearm.nextFlip(facts));
  for (const { name } of rulebook.segments) day = Math.min(day, facts.segmentFlip(name));
  for (const condition of awaited) if (!condition.timeless) day = Math.min(day, condition.nextFlip(facts));
  return Math.max(day, facts.today + 1);
}

/** The part of a look that the state hash covers: nothing stored, nothing decided. */
export function lookHashable(seen: Look, rulebook: CompiledRulebook): Record<string, unknown> {
  const { day, engagement, fit, score, grade, band, temperature, hotRules } = seen;
  const segments = seen.segments.filter((name) => !rulebook.stageSegments.has(name));
  return { day, engagement, fit, score, grade, band, temperature, hotRules, segments };
}

const decidedOn = ({ temperature, grade, band, stage, stageHeld, rearm, segments }: Look): string =>
  JSON.stringify([temperature, grade, band, stage, stageHeld, rearm, segments]);

/** The first change itself, for people: bounds are followed until something differs. Undefined past the horizon. */
export function exactNextChange(
  state: LeadState,
  rulebook: CompiledRulebook,
  memory: LeadMemory,
  now: number,
  differs: (before: Look, after: Look) => boolean = (before, after) => decidedOn(before) !== decidedOn(after),
): number | undefined {
  const before = look(state, rulebook, memory, now);
  const end = rulebook.zone.dayStart(before.day + horizonDays);
  for (let at = before.nextChangeAt; at <= end;) {
    const after = look(state, rulebook, memory, at);
    if (differs(before, after)) return at;
    at = after.nextChangeAt;
  }
  return undefined;
}

/** The instant at which a hot lead stops being hot if nothing happens. */
export const hotUntil = (
  state: LeadState,
  rulebook: CompiledRulebook,
  memory: LeadMemory,
  now: number,
): number | undefined => exactNextChange(state, rulebook, memory, now, (_, after) => after.temperature !== 'hot');
