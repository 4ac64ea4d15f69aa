import type { LeadEvent, LeadMemory } from '#libs/leads/domain';
import { decide, foldsFor, look, type Look } from '../domain/index.js';
import type { LockedLead } from '../store/lead.store.js';
import { foldHistory, historySizes, judgementsOf, readHistories } from './refold.projection.js';
import { rememberHeld } from './awaited-flips.js';
import { isFact } from './judgement.projection.js';
import { memoryRecord, revised, revisionOf, sameMemory, type Recorded } from './remember.js';
import type { Cause, Step } from './step.js';

/** A decision as it will be recorded, with the look that it was made of. */
export interface MadeDecision {
  lead: number;
  decision: Recorded;
  /** All that is remembered after it. */
  memory: LeadMemory;
  /** Undefined where nothing was looked at: a memory taken over. */
  look: Look | undefined;
  /** When it took effect: a missed review's own instant. */
  at: number;
}

const dayMs = 86_400_000;
/** One lead's missed reviews are bounded by the horizon of a look: more than these means a look that does not move on. */
const mostMissedReviews = 1000;

/** One look, and what it changes about what was decided. */
export function settle(step: Step, lead: LockedLead, cause: Cause, now: number, made: MadeDecision[]): Look {
  const seen = look(lead.state, step.rulebook, lead.memory, now, step.awaited?.conditions);
  const { memory, decisions } = decide(lead.memory, seen, { cause, quiet: cause !== 'event', now });
  const firstStage = seen.initialStage;
  const changed = decisions.length > 0 || !sameMemory(lead.memory, memory, firstStage);
  lead.memory = changed ? revised(memory, revisionOf(lead.memory)) : { ...memory, ...revisionIn(lead.memory) };
  lead.lookedAt = now;
  lead.rulebook = step.rulebook.version;
  lead.nextChangeAt = seen.nextChangeAt;
  step.looks?.set(lead.id, seen);
  const recorded: Recorded[] = changed && decisions.length === 0 ? [memoryRecord(lead.memory, cause)] : decisions;
  for (const decision of recorded) made.push({ lead: lead.id, decision, memory: lead.memory, look: seen, at: now });
  return seen;
}

const revisionIn = ({ revision }: LeadMemory) => (revision === undefined ? {} : { revision });

/** Never below the last look: a clock that went back must not undo a review. */
export const nowOf = (step: Step, lead: LockedLead): number => Math.max(step.now, lead.lookedAt ?? 0);

/**
 * Brings locked leads to the present before anything new touches them: under the live rulebook, and past every review that
 * nobody made in time. Otherwise a crossing would depend on who happened to look.
 */
export async function bringUpToDate(step: Step, made: MadeDecision[]): Promise<void> {
  rememberHeld(step);
  await rederive(step, made);
  for (const lead of step.leads.values()) if (!lead.refoldPending) missedReviews(step, lead, made);
}

function missedReviews(step: Step, lead: LockedLead, made: MadeDecision[]): void {
  const now = nowOf(step, lead);
  for (
    let reviews = 0;
    lead.nextChangeAt !== null && lead.nextChangeAt <= now && reviews < mostMissedReviews;
    reviews += 1
  ) {
    const at = Math.max(lead.nextChangeAt, lead.lookedAt ?? 0);
    settle(step, lead, 'time', at, made);
    if (lead.nextChangeAt <= at) lead.nextChangeAt = at + dayMs;
  }
}

/** Leads last looked at under an older rulebook: quietly, and without the events that this batch brought. */
async function rederive(step: Step, made: MadeDecision[]): Promise<void> {
  const older = [...step.leads.values()].filter((lead) => lead.rulebook !== step.rulebook.version);
  const live = new Set(step.rulebook.signals.all.map((signal) => signal.hash));
  const incomplete: LockedLead[] = [];
  for (const lead of older) {
    if (lead.rulebook === 0) {
      lead.rulebook = step.rulebook.version;
      continue;
    }
    const known = await step.context.rulebook(step.client, lead.rulebook);
    if (!foldsFor(known, step.rulebook)) incomplete.push(lead);
    for (const hash of Object.keys(lead.state.counters)) if (!live.has(hash)) delete lead.state.counters[hash];
  }
  await backfill(
    step,
    incomplete.filter((lead) => !lead.refoldPending),
  );
  for (const lead of older)
    if (!lead.refoldPending && lead.rulebook !== step.rulebook.version)
      settle(step, lead, 'publish', nowOf(step, lead), made);
}

/** Counts a new or changed signal from stored events; from here on batches count it. */
async function backfill(step: Step, leads: readonly LockedLead[]): Promise<void> {
  if (leads.length === 0) return;
  const small = await withinLimit(
    step,
    leads.map((lead) => lead.id),
  );
  const freshIds = new Set(step.fresh.map((event) => event.id));
  const histories = await readHistories(step.client, small);
  const stored = (events: LeadEvent[]): LeadEvent[] => events.filter((event) => !freshIds.has(event.id));
  const judgements = await judgementsOf(
    step.client,
    [...histories.values()].flatMap((history) => stored(history.events).map((event) => event.id)),
    freshIds,
  );
  for (const [root, history] of histories)
    step.leads.get(root)!.state = foldHistory(stored(history.events), judgements, step.rulebook, step.context);
}

/** Marks leads whose history is too long for a batch; returns the others. */
export async function withinLimit(step: Step, roots: readonly number[]): Promise<number[]> {
  if (roots.length === 0) return [];
  const { refoldLimit } = step.context.settings;
  const sizes = await historySizes(step.client, roots, refoldLimit + 1);
  return roots.filter((root) => {
    const long = (sizes.get(root) ?? 0) > refoldLimit;
    if (long) step.leads.get(root)!.refoldPending = true;
    return !long;
  });
}

/** What made this lead change, as one word: a loud cause wins, else the first quiet one. */
export function causeOf(causes: ReadonlySet<Cause> | undefined): Cause {
  const order: Cause[] = ['event', 'merge', 'unmerge', 'withdrawal', 'publish', 'old-events', 'time'];
  return order.find((cause) => causes?.has(cause)) ?? 'time';
}

export const isOld = (event: LeadEvent, oldEventMs: number): boolean =>
  isFact(event) && event.receivedAt - event.occurredAt > oldEventMs;
