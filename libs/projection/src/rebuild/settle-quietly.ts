import { freshMemory, type LeadMemory } from '#libs/leads/domain';
import { sameMemory } from '../batch/remember.js';
import { decide, look, type Awaited, type Look } from '../domain/index.js';
import type { Rulebook } from '../projection-context.js';
import type { Lead } from '../store/lead.store.js';

/**
 * Looks at a lead as it was looked at last, and decides nothing: where there is something to decide, it is due at once for
 * the ordinary, quiet review.
 */
export function settleQuietly(lead: Lead, rulebook: Rulebook, awaited?: Awaited): Look | undefined {
  lead.rulebook = rulebook.version;
  lead.nextChangeAt = null;
  lead.rankHash = null;
  if (lead.mixed || lead.lookedAt === null || lead.refoldPending) return undefined;
  const at = lead.lookedAt;
  const seen = look(lead.state, rulebook, lead.memory, at, awaited?.conditions);
  const { memory, decisions } = decide(lead.memory, seen, { cause: 'time', quiet: true, now: at });
  const settled = decisions.length === 0 && sameMemory(lead.memory, memory, seen.initialStage);
  lead.nextChangeAt = settled ? seen.nextChangeAt : at;
  if (!settled) seen.nextChangeAt = at;
  return seen;
}

/**
 * What a lead remembers by its latest record, or without any. That it stands in the first stage is no decision: a look puts it
 * there unrecorded, also where it was recorded before that look.
 */
export function recalled(recorded: LeadMemory | undefined, lookedAt: number | null, firstStage: string): LeadMemory {
  const memory = recorded ?? freshMemory();
  return memory.stage === null && lookedAt !== null ? { ...memory, stage: firstStage } : memory;
}
