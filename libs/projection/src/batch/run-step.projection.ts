import { fp } from '#libs/platform';
import { freshMemory } from '#libs/leads/domain';
import { awaitedIn } from '../domain/index.js';
import { raiseVersions } from '../store/lead.store.js';
import { writeUnapplied } from './judgement.projection.js';
import { foldFresh } from './fold-fresh.js';
import { memoryRecord, revised, revisionOf, sameMemory } from './remember.js';
import { refoldLeads } from './refold.projection.js';
import { openScope } from './scope.projection.js';
import { bringUpToDate, causeOf, nowOf, settle, withinLimit, type MadeDecision } from './settle.projection.js';
import { settleStructure } from './structure-first.projection.js';
import { refoldTouched } from './touched.projection.js';
import { restructure } from './structure.projection.js';
import type { Step, StepInput } from './step.js';
import { writeStep, type Settled } from './write.projection.js';

export interface StepDone {
  leads: number;
  decisions: number;
  notices: number;
  refolded: number;
  /** Root leads whose rows were locked or became roots, and those among them that were folded anew or wait for it. */
  touched: { leads: number[]; anew: number[] };
}

/** Identify, lock, fold, look, decide and write: the part of a batch that the sweep of waiting judgements shares. */
export async function runStep(input: StepInput): Promise<StepDone> {
  const { client, context, rulebook, fresh } = input;
  const { judged, change, places, rejoined, anons, leads, now } = await openScope(input);
  const step: Step = {
    client,
    context,
    rulebook,
    batch: input.batch,
    now,
    fresh,
    judged,
    change,
    places,
    leads,
    refold: new Set(),
    touched: new Map(),
    causes: new Map(),
    reshaped: new Set(),
    settledFirst: new Set(),
    refoldedFirst: new Set(),
    rootAfter: new Map(),
    timelineAfter: new Map(),
    awaited: awaitedIn(input.listeners, rulebook),
    heldBefore: new Map(),
    companyBefore: new Map(),
    visitors: new Set(),
  };
  const made: MadeDecision[] = [];
  await bringUpToDate(step, made);
  if (change.stated.length + judged.facts.length > 0) {
    const latest = Math.max(...[...leads.values()].map((lead) => revisionOf(lead.memory)), 0);
    await restructure(step, rejoined, anons);
    recordReshaped(step, latest, made);
    await settleStructure(step, made);
  } else client.later(writeUnapplied(client, judged));
  foldFresh(step);
  fp('projector.after_store');
  const anew = new Set([...step.refold, ...step.refoldedFirst]);
  const refolded = await refold(step);
  for (const id of step.refold) anew.add(id);
  const settled = settleTouched(step, made);
  const notices = await writeStep(step, settled, made, input.listeners);
  const touched = { leads: [...step.leads.keys()], anew: [...anew] };
  return { leads: settled.length, decisions: made.length, notices, refolded, touched };
}

/** Keys that left a lead may have named its records, and keys that came may name others': its memory is recorded anew. */
function recordReshaped(step: Step, latest: number, made: MadeDecision[]): void {
  const firstStage = step.rulebook.funnel.stages[0]!.name;
  for (const id of step.reshaped) {
    const lead = step.leads.get(id);
    if (!lead || lead.mergedInto !== null || lead.mixed) continue;
    if (latest === 0 && sameMemory(lead.memory, freshMemory(), firstStage)) continue;
    lead.memory = revised(lead.memory, latest);
    const record = memoryRecord(lead.memory, causeOf(step.causes.get(id)));
    made.push({ lead: id, decision: record, memory: lead.memory, look: undefined, at: nowOf(step, lead) });
  }
}

/** What a step put on its lists, from `event`; a history that is too long waits for the upkeep. */
export async function refold(step: Step): Promise<number> {
  await refoldTouched(
    step,
    [...step.touched.keys()].filter((id) => !step.refold.has(id) && step.leads.get(id)!.mergedInto === null),
  );
  const roots = [...step.refold].filter((id) => step.leads.get(id)!.mergedInto === null);
  const small = await withinLimit(step, roots);
  // a refold that is under way outside must not overlook what this batch judged or moved
  const long = roots.filter((id) => !small.includes(id));
  step.client.later(raiseVersions(step.client, long));
  if (small.length === 0) return 0;
  for (const [root, { state }] of await refoldLeads(step.client, small, step.rulebook, step.context)) {
    const lead = step.leads.get(root)!;
    lead.state = state;
    lead.refoldPending = false;
  }
  return small.length;
}

/** Every locked lead that still stands is looked at; one whose refold is pending keeps its state and decides nothing. */
function settleTouched(step: Step, made: MadeDecision[]): Settled[] {
  const settled: Settled[] = [];
  const decided = new Set(made.map((one) => one.lead));
  for (const lead of step.leads.values()) {
    if (lead.mergedInto !== null || lead.mixed) {
      lead.state = { profile: {}, consent: {}, counters: {} };
      lead.nextChangeAt = null;
      lead.rankHash = null;
      lead.refoldPending = false;
      settled.push({ lead, look: undefined });
    } else if (lead.refoldPending) settled.push({ lead, look: undefined });
    else if (
      step.causes.has(lead.id) ||
      step.refold.has(lead.id) ||
      step.settledFirst.has(lead.id) ||
      lead.lookedAt === null ||
      decided.has(lead.id)
    )
      settled.push({ lead, look: settle(step, lead, causeOf(step.causes.get(lead.id)), nowOf(step, lead), made) });
    else settled.push({ lead, look: undefined });
  }
  return settled;
}
