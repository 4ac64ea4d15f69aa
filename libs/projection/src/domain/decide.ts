import { mergeMoves } from '#libs/funnel/domain';
import type { LeadMemory } from '#libs/leads/domain';
import type { CompiledRulebook } from './compile.js';
import type { Look } from './look.js';

export type DecisionCause = 'event' | 'publish' | 'merge' | 'unmerge' | 'withdrawal' | 'time' | 'old-events';

export interface Decision {
  /** `rearm` is recorded so that a lead's memory can be read back from its decisions. */
  decision: 'hot' | 'rearm' | 'stage' | 'held' | 'segment';
  name: string;
  from: string | null;
  to: string | null;
  cause: DecisionCause;
  quiet: boolean;
  epoch: number;
  /** All hot rules that hold at a crossing. */
  rules: string[];
  /** What a move to a stage follows from, where it is no condition: an outcome of sales, that is withdrawn where the cause says so, or an approval, by event id. */
  because?: string;
  /** Number of this lead's decision on stages, held moves and segments; 0 for hot and rearm, which the epoch tells apart. */
  seq: number;
}

export interface DecideOptions {
  cause: DecisionCause;
  quiet: boolean;
  now: number;
}

/** What differs between a look and what was decided before. Total and pure; the same look again decides nothing. */
export function decide(
  memory: LeadMemory,
  seen: Look,
  { cause, quiet, now }: DecideOptions,
): { memory: LeadMemory; decisions: Decision[] } {
  const decisions: Decision[] = [];
  let { armed, epoch, seq = 0 } = memory;
  const add = (decision: Decision['decision'], name: string, from: string | null, to: string | null) => {
    const counted = decision !== 'hot' && decision !== 'rearm';
    if (counted) seq += 1;
    decisions.push({
      decision,
      name,
      from,
      to,
      cause,
      quiet,
      epoch,
      rules: decision === 'hot' ? seen.hotRules : [],
      seq: counted ? seq : 0,
    });
  };

  const hot = seen.temperature === 'hot';
  if (hot && armed) {
    armed = false;
    epoch += 1;
    add('hot', 'hot', 'armed', 'hot');
  } else if (!hot && !armed && seen.rearm) {
    armed = true;
    add('rearm', 'hot', 'disarmed', 'armed');
  }

  const stageBefore = memory.stage ?? seen.initialStage;
  if (seen.stage !== null && seen.stage !== stageBefore) {
    add('stage', seen.stage, stageBefore, seen.stage);
    const made = decisions.at(-1)!;
    const because = seen.withdrawn ?? reasonOf(memory, seen);
    if (because !== undefined) made.because = because;
    // whatever came together with it: where a lead stands again is no news
    if (seen.withdrawn !== undefined && cause !== 'merge' && cause !== 'unmerge')
      Object.assign(made, { cause: 'withdrawal', quiet: true });
  }
  const held = seen.held.map((move) => (move.at === undefined ? { ...move, at: now } : move));
  for (const { stage } of held)
    if (!memory.held?.some((move) => move.stage === stage)) add('held', stage, seen.stage, stage);

  for (const name of seen.segments) if (!memory.segments.includes(name)) add('segment', name, null, name);
  for (const name of memory.segments) if (!seen.segments.includes(name)) add('segment', name, name, null);

  const next: LeadMemory = { hot, armed, epoch, stage: seen.stage, segments: seen.segments };
  if (seq > 0) next.seq = seq;
  if (seen.outcome !== undefined) next.outcome = seen.outcome;
  if (seen.moves.length > 0) next.moves = [...seen.moves];
  if (seen.movesSince !== undefined) next.movesSince = seen.movesSince;
  if (seen.blocked.length > 0) next.blocked = [...seen.blocked];
  if (held.length > 0) next.held = held;
  if (seen.accounted.length > 0) next.accounted = [...seen.accounted];
  return { memory: next, decisions };
}

/** The newly accounted outcome or approval that a move followed. */
function reasonOf(memory: LeadMemory, seen: Look): string | undefined {
  const approval = seen.accounted.find((event) => !memory.accounted?.includes(event));
  const waited = memory.held?.find((move) => move.stage === seen.stage);
  if (seen.outcome !== memory.outcome) return seen.outcome;
  return approval ?? waited?.approved ?? waited?.outcome;
}

/** A merged lead is armed only if both were, keeps the higher epoch, and stands where the further of the two stood. */
export function mergeMemories(a: LeadMemory, b: LeadMemory, rulebook?: CompiledRulebook): LeadMemory {
  const merged: LeadMemory = {
    hot: a.hot || b.hot,
    armed: a.armed && b.armed,
    epoch: Math.max(a.epoch, b.epoch),
    stage: furtherStage(a.stage, b.stage, rulebook),
    segments: [...new Set([...a.segments, ...b.segments])].sort(),
  };
  const seq = Math.max(a.seq ?? 0, b.seq ?? 0);
  if (seq > 0) merged.seq = seq;
  const outcome = a.outcome ?? b.outcome;
  if (outcome !== undefined) merged.outcome = outcome;
  const moves = mergeMoves(a, b, (x, y) => furtherStage(x, y, rulebook)!);
  if (moves.length > 0) merged.moves = [...moves];
  const since = Math.max(a.movesSince ?? -Infinity, b.movesSince ?? -Infinity);
  if (since > -Infinity) merged.movesSince = since;
  const blocked = [...new Set([...(a.blocked ?? []), ...(b.blocked ?? [])])].sort();
  if (blocked.length > 0) merged.blocked = blocked;
  const held = [
    ...(a.held ?? []),
    ...(b.held ?? []).filter((move) => !a.held?.some((own) => own.stage === move.stage)),
  ];
  if (held.length > 0) merged.held = held;
  const accounted = [...new Set([...(a.accounted ?? []), ...(b.accounted ?? [])])].sort();
  if (accounted.length > 0) merged.accounted = accounted;
  return merged;
}

function furtherStage(a: string | null, b: string | null, rulebook: CompiledRulebook | undefined): string | null {
  if (a === null || b === null || !rulebook) return a ?? b;
  const order = rulebook.conditions.stages;
  return order.indexOf(b) > order.indexOf(a) ? b : a;
}
