import { canonicalJson, sha256 } from './hash.js';
import type { SubjectKey } from './keys.js';
import type { LeadState } from './state.js';

/**
 * What two correct folds of the same events agree on: keys, profile and consent with stamps, counters, first and last
 * times, and `look` at a stated now. Neither lead ids nor stored times nor decisions.
 */
export function canonicalLead(keys: Iterable<SubjectKey>, state: LeadState, look?: unknown): string {
  const { profile, consent, counters, firstAt, lastAt } = state;
  return canonicalJson({ keys: [...keys].sort(), profile, consent, counters, firstAt, lastAt, look });
}

export const stateHash = (keys: Iterable<SubjectKey>, state: LeadState, look?: unknown): string =>
  sha256(canonicalLead(keys, state, look));
