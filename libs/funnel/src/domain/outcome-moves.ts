import type { LeadMemory, OutcomeMove } from '#libs/leads/domain';

export interface TakenBack {
  /** Those that still stand, the oldest first. */
  moves: readonly OutcomeMove[];
  /** Where the lead stands without the newest ones, if those are withdrawn. */
  back?: Pick<OutcomeMove, 'from' | 'blocked' | 'event'>;
}

/** One lead has few outcomes; of more than these the oldest can no longer be taken back, nor said anew. */
const mostMoves = 20;
const none: readonly OutcomeMove[] = [];

/**
 * What is left once the withdrawn are gone. Each knows where the lead would stand without it and its followers, so the one
 * that follows a withdrawn one takes over its place.
 */
export function takeBack(moves: readonly OutcomeMove[] = none, stands: (move: OutcomeMove) => boolean): TakenBack {
  if (moves.every(stands)) return { moves };
  const kept: OutcomeMove[] = [];
  let gone: OutcomeMove | undefined;
  for (const move of moves) {
    if (!stands(move)) gone ??= move;
    else {
      kept.push(gone ? standingAt(move, gone.from, gone.blocked) : move);
      gone = undefined;
    }
  }
  return gone ? { moves: kept, back: gone } : { moves: kept };
}

export const withMove = (moves: readonly OutcomeMove[], move: OutcomeMove): readonly OutcomeMove[] =>
  [...moves, move].slice(-mostMoves);

/**
 * Since when all that was said is known move by move: an outcome that was applied before moves were kept, or dropped from
 * them, moves nobody again when a later one is withdrawn. Undefined: from the beginning.
 */
export function knownSince(memory: LeadMemory, moves: readonly OutcomeMove[]): number | undefined {
  const [oldest] = moves;
  if (!oldest || oldest === memory.moves?.[0]) return memory.movesSince;
  const unknown = memory.outcome !== undefined && !memory.moves?.length;
  const dropped = memory.moves?.length === mostMoves && moves.length === mostMoves;
  return unknown || dropped ? Math.max(oldest.at, memory.movesSince ?? -Infinity) : memory.movesSince;
}

export function standingAt(move: OutcomeMove, from: string, blocked: readonly string[] = []): OutcomeMove {
  const { blocked: _, ...rest } = move;
  return blocked.length > 0 ? { ...rest, from, blocked: [...blocked] } : { ...rest, from };
}

/** Of two leads that become one: without an outcome of the one, the other still stands where his own had brought him. */
export function mergeMoves(
  a: { stage: string | null; moves?: readonly OutcomeMove[] },
  b: { stage: string | null; moves?: readonly OutcomeMove[] },
  further: (x: string, y: string | null) => string,
): readonly OutcomeMove[] {
  const beside = (moves: readonly OutcomeMove[], other: typeof a): OutcomeMove[] =>
    moves.map((move) => {
      const later = other.moves?.find((one) => isAfter(one, move));
      return { ...move, from: further(move.from, later ? later.from : other.stage) };
    });
  const known = new Set(a.moves?.map((move) => move.event));
  const others = b.moves?.filter((move) => !known.has(move.event)) ?? none;
  return [...beside(a.moves ?? none, b), ...beside(others, a)]
    .sort((x, y) => (isAfter(x, y) ? 1 : -1))
    .slice(-mostMoves);
}

const isAfter = (x: OutcomeMove, y: OutcomeMove): boolean => x.at > y.at || (x.at === y.at && x.event > y.event);
