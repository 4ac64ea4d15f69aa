import type { CompiledCondition, HeldMove, LeadMemory, OutcomeMove } from '#libs/leads/domain';
import { knownSince, standingAt, takeBack, withMove } from './outcome-moves.js';
import type { StageRule } from './stage-rule.js';

export interface Stage {
  readonly name: string;
  readonly rule: StageRule;
  readonly when: CompiledCondition | undefined;
}

export interface Funnel {
  readonly stages: readonly Stage[];
  /** Where a recycled lead goes on. */
  readonly recycleTo: string;
}

export interface Outcome {
  name: string;
  /** Id of the event that stated it. */
  event: string;
  /** ms. */
  at: number;
}

/** The latest word on a move to one stage. */
export interface Approval {
  approved: boolean;
  event: string;
}

/** What a move asks about its lead. */
export interface StageFacts {
  holds(stage: Stage): boolean;
  known(attribute: string): boolean;
  outcome: Outcome | undefined;
  /** Whether what moved the lead is still said: not withdrawn, and this lead's. */
  stands(move: OutcomeMove): boolean;
  approvalOf(stage: string): Approval | undefined;
}

export interface StageMove {
  stage: string | null;
  outcome: string | undefined;
  /** Applied outcomes that still stand, and the withdrawn one that this move takes back. */
  moves: readonly OutcomeMove[];
  movesSince: number | undefined;
  withdrawn: string | undefined;
  blocked: readonly string[];
  /** Moves forward that wait for fields or for an approval, in the order of the funnel. */
  held: readonly HeldMove[];
  /** Approvals that count no more, by event id. */
  accounted: readonly string[];
}

const none: readonly string[] = [];
const nothing: readonly HeldMove[] = [];
const unmoved: readonly OutcomeMove[] = [];

/**
 * Where a lead stands next. Conditions move forward only; an outcome of sales moves once, in any direction, and is taken
 * back if it is withdrawn. A stage that was left backwards, or was declined, is entered again by its condition only after
 * that has ceased in between. A move forward to a stage that demands fields or an approval is held; backwards and out of
 * the funnel nothing holds anybody up.
 */
export function nextStage(funnel: Funnel, memory: LeadMemory, facts: StageFacts): StageMove {
  return moveForward(funnel, memory, facts) ?? anyMove(funnel, memory, facts);
}

/** What nearly every look finds: nothing is held or closed, and sales has said nothing new. Nothing is made but the answer. */
function moveForward({ stages }: Funnel, memory: LeadMemory, facts: StageFacts): StageMove | undefined {
  const { outcome } = facts;
  if (memory.held?.length || memory.blocked?.length || memory.moves?.length || isExit(memory.stage)) return undefined;
  if (outcome?.event !== memory.outcome) return undefined;
  for (const { rule } of stages) if (rule.requires || rule.approver) return undefined;
  let index = indexOf(stages, memory.stage);
  for (let next = index + 1; next < stages.length; next += 1) {
    const stage = stages[next]!;
    if ((stage.rule.skippable !== false || next === index + 1) && facts.holds(stage)) index = next;
  }
  return {
    stage: index < 0 ? null : stages[index]!.name,
    outcome: memory.outcome,
    moves: unmoved,
    movesSince: memory.movesSince,
    withdrawn: undefined,
    blocked: none,
    held: nothing,
    accounted: memory.accounted ?? none,
  };
}

function anyMove(funnel: Funnel, memory: LeadMemory, facts: StageFacts): StageMove {
  const { stages } = funnel;
  const { outcome } = facts;
  const gate = new Gate(memory, facts);
  const closed = (names: readonly string[] = none): readonly string[] =>
    names.filter((name) => stages.some((stage) => stage.name === name && facts.holds(stage)));
  const { moves: standing, back } = takeBack(memory.moves, (move) => facts.stands(move));
  let moves = standing;
  let at = back ? back.from : memory.stage;
  let blocked = closed(back ? back.blocked : memory.blocked);
  let withdrawn = back?.event;
  let asked = memory.held?.find(({ outcome: by }) => by !== undefined && isApplied(moves, by));
  let movesSince = memory.movesSince;
  if (
    outcome &&
    outcome.event !== memory.outcome &&
    !isApplied(moves, outcome.event) &&
    !(outcome.at < (movesSince ?? -Infinity))
  ) {
    const target = targetOf(funnel, outcome.name);
    if (target !== undefined) {
      const { name, ...said } = outcome;
      moves = withMove(moves, standingAt({ outcome: name, ...said, from: at! }, at!, blocked));
      movesSince = knownSince(memory, moves);
      withdrawn = asked = undefined;
    }
    if (target !== undefined && target !== at) {
      if (indexOf(stages, target) > indexOf(stages, at) && !isExit(target))
        asked = { stage: target, outcome: outcome.event };
      else {
        blocked = stages
          .filter((stage, index) => index > indexOf(stages, target) && facts.holds(stage))
          .map((stage) => stage.name);
        at = target;
      }
    }
  }
  if (moves.length > 0)
    moves = moves.map((move) => {
      const shut = closed(move.blocked);
      if (isExit(move.from)) return standingAt(move, move.from, shut);
      return standingAt(move, stageAt(stages, advance(funnel, move.from, shut, facts, gate).index) ?? move.from, shut);
    });
  const done = { outcome: outcome?.event, moves, movesSince, withdrawn, accounted: gate.accounted(stages) };
  if (isExit(at)) return { ...done, stage: at, blocked, held: nothing };

  const { index, held, declined } = advance(funnel, at, blocked, facts, gate, asked);
  const refused = closed(declined);
  return {
    ...done,
    stage: stageAt(stages, index),
    blocked: refused.length > 0 ? [...new Set([...blocked, ...refused])] : blocked,
    held:
      held.size === 0
        ? nothing
        : [...held]
            .filter(([next]) => next > index)
            .sort(([a], [b]) => a - b)
            .map(([, move]) => move),
  };
}

interface Advance {
  index: number;
  held: Map<number, HeldMove>;
  declined: string[];
}

/** Forward, as far as sales asks and conditions carry. */
function advance(
  { stages }: Funnel,
  from: string | null,
  blocked: readonly string[],
  facts: StageFacts,
  gate: Gate,
  asked?: HeldMove,
): Advance {
  const went: Advance = { index: indexOf(stages, from), held: new Map(), declined: [] };
  const pass = (next: number, move: HeldMove): void => {
    const stage = stages[next]!;
    const verdict = gate.judge(stage, move);
    if (verdict === 'open') went.index = next;
    else if (verdict === 'declined') went.declined.push(stage.name);
    else went.held.set(next, verdict);
  };
  const wanted = asked ? indexOf(stages, asked.stage) : -1;
  if (wanted > went.index) pass(wanted, asked!);
  for (let next = went.index + 1; next < stages.length; next += 1) {
    const stage = stages[next]!;
    const reachable = stage.rule.skippable !== false || next === went.index + 1;
    if (!reachable || blocked.includes(stage.name) || went.declined.includes(stage.name) || went.held.has(next))
      continue;
    if (facts.holds(stage)) pass(next, { stage: stage.name });
  }
  return went;
}

const stageAt = (stages: readonly Stage[], index: number): string | null => (index < 0 ? null : stages[index]!.name);
const isApplied = (moves: readonly OutcomeMove[], event: string): boolean => moves.some((move) => move.event === event);

/** Whether a move may pass. An approval counts for the move that waits when it is seen, and for none later. */
class Gate {
  constructor(
    private readonly memory: LeadMemory,
    private readonly facts: StageFacts,
  ) {}

  judge({ name, rule }: Stage, move: HeldMove): 'open' | 'declined' | HeldMove {
    if (!rule.requires && !rule.approver) return 'open';
    const before = this.memory.held?.find((one) => one.stage === name);
    const said = this.fresh(name);
    if (said?.approved === false) return 'declined';
    const approved = before?.approved ?? said?.event;
    const needsApproval = rule.approver !== undefined && !(rule.approver === 'sales' && move.outcome !== undefined);
    const complete = rule.requires?.every((attribute) => this.facts.known(attribute)) ?? true;
    if (complete && (!needsApproval || approved !== undefined)) return 'open';
    return {
      ...move,
      ...(before?.at === undefined ? {} : { at: before.at }),
      ...(approved === undefined ? {} : { approved }),
    };
  }

  accounted(stages: readonly Stage[]): readonly string[] {
    const before = this.memory.accounted ?? none;
    const seen = stages.flatMap(({ name, rule }) => (rule.approver ? (this.fresh(name)?.event ?? []) : []));
    return seen.length === 0 ? before : [...before, ...seen].sort();
  }

  private fresh(stage: string): Approval | undefined {
    const said = this.facts.approvalOf(stage);
    return said && !this.memory.accounted?.includes(said.event) ? said : undefined;
  }
}

const isExit = (name: string | null): boolean => name === 'lost' || name === 'disqualified';

function targetOf(funnel: Funnel, outcome: string): string | undefined {
  if (outcome === 'lost' || outcome === 'disqualified') return outcome;
  if (outcome === 'recycled') return funnel.recycleTo;
  return funnel.stages.find((stage) => stage.rule.outcomes?.some((name) => name === outcome))?.name;
}

/** Lost and disqualified leads stand past every stage: leaving them is a move backwards. */
function indexOf(stages: readonly Stage[], name: string | null): number {
  if (isExit(name)) return stages.length;
  for (let index = 0; index < stages.length; index += 1) if (stages[index]!.name === name) return index;
  return -1;
}
