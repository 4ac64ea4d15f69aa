import { foldEvent, foldSignals, indexSignals, type LeadEvent } from '#libs/leads/domain';
import { foldContextOf } from '../domain/index.js';
import type { Rulebook } from '../projection-context.js';
import { isFact } from './judgement.projection.js';
import { isOld } from './settle.projection.js';
import { addCause, leadOf, ownerOf, type Cause, type Step } from './step.js';

/** Adds this batch's events to their leads. Those that a refold will read, or that wait for one, are only noted. */
export function foldFresh(step: Step): void {
  const { judged, rulebook, context } = step;
  const fold = foldContextOf(rulebook, context.zone, judged.after.verdictOf);
  for (const event of step.fresh) {
    if (!isFact(event) || judged.after.withdrawn(event.id)) continue;
    const owner = ownerOf(step, event);
    if (owner === undefined) continue;
    addCause(step, owner, causeOfEvent(event, context.settings.oldEventMs));
    const lead = leadOf(step, owner);
    if (!step.refold.has(owner) && !lead.refoldPending) foldEvent(lead.state, event, fold);
  }
  if (judged.facts.length > 0) foldFirstVerdicts(step);
}

/** What an operator says about who is who is no act of the lead's. */
function causeOfEvent(event: LeadEvent, oldEventMs: number): Cause {
  if (event.type === 'merge') return 'merge';
  if (event.type === 'apart') return 'unmerge';
  return isOld(event, oldEventMs) ? 'old-events' : 'event';
}

/** A first human verdict only adds: the signals that wait for one count the event now. */
function foldFirstVerdicts(step: Step): void {
  const { judged, rulebook, context } = step;
  const awaiting = signalsAwaitingVerdict(rulebook);
  const fold = { ...foldContextOf(rulebook, context.zone, judged.after.verdictOf), signals: awaiting };
  for (const event of judged.facts) {
    const { before, after } = judged;
    if (after.withdrawn(event.id) || after.verdictOf(event.id) === before.verdictOf(event.id)) continue;
    const owner = ownerOf(step, event);
    if (owner === undefined) continue;
    addCause(step, owner, isOld(event, context.settings.oldEventMs) ? 'old-events' : 'event');
    if (before.withdrawn(event.id) || after.verdictOf(event.id) !== 'human') continue;
    if (step.refoldedFirst.has(owner) || step.touched.has(owner)) continue;
    const lead = leadOf(step, owner);
    if (!step.refold.has(owner) && !lead.refoldPending) foldSignals(lead.state, event, fold);
  }
}

const awaitingOf = new WeakMap<Rulebook, ReturnType<typeof indexSignals>>();

function signalsAwaitingVerdict(rulebook: Rulebook) {
  const known = awaitingOf.get(rulebook) ?? indexSignals(rulebook.signals.all.filter((signal) => signal.needsVerdict));
  awaitingOf.set(rulebook, known);
  return known;
}
