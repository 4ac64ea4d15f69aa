import { consentOf } from './consent.js';
import type { LeadEvent } from './event.js';
import { attributesOf, type FoldContext } from './fold.js';
import type { Judgements } from './judgement.js';
import type { LeadState, LocalDay } from './state.js';

/** The parts of a lead's state that a judgement of some of its facts can have changed. */
export interface TouchedParts {
  /** Days of counters, by hash of the signal's definition. */
  cells: Map<string, Set<LocalDay>>;
  /** Attributes and purposes of consent whose winner states them no longer: the next one has to be found. */
  profile: Set<string>;
  consent: Set<string>;
  /** A withdrawn fact was the first or the last. */
  first: boolean;
  last: boolean;
  /** Facts that count, again or still: what they state now is added. */
  standing: LeadEvent[];
}

/** `facts` are one lead's, and its state still holds what they were before the judgement. */
export function touchedBy(
  state: LeadState,
  facts: readonly LeadEvent[],
  judgements: { before: Judgements; after: Judgements },
  context: Omit<FoldContext, 'verdictOf'>,
): TouchedParts {
  const parts: TouchedParts = {
    cells: new Map(),
    profile: new Set(),
    consent: new Set(),
    first: false,
    last: false,
    standing: [],
  };
  const { zone, signals } = context;
  for (const fact of facts) {
    const { id, occurredAt: at } = fact;
    const withdrawn = judgements.after.withdrawn(id);
    const gone = withdrawn !== judgements.before.withdrawn(id);
    for (const signal of signals.candidates(fact))
      if ((gone || signal.needsVerdict) && signal.matches(fact, 'human')) {
        const days = parts.cells.get(signal.hash) ?? new Set();
        parts.cells.set(signal.hash, days.add(zone.localDay(at)));
      }
    const states = withdrawn ? {} : attributesOf(fact, { ...context, verdictOf: judgements.after.verdictOf });
    for (const name in attributesOf(fact, { ...context, verdictOf: () => 'human' }))
      if (stampOf(state.profile, name) === id && !Object.hasOwn(states, name)) parts.profile.add(name);
    if (!withdrawn) {
      parts.standing.push(fact);
      continue;
    }
    for (const purpose in consentOf(fact)) if (stampOf(state.consent, purpose) === id) parts.consent.add(purpose);
    if (at === state.firstAt) parts.first = true;
    if (at === state.lastAt) parts.last = true;
  }
  return parts;
}

const stampOf = (stamps: Record<string, { event: string }>, name: string): string | undefined =>
  Object.hasOwn(stamps, name) ? stamps[name]!.event : undefined;
