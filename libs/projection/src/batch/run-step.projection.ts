import { fp, type PoolClient } from '#libs/platform';
import type { LeadEvent } from '#libs/leads/domain';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import { dateBatch } from '../store/offset.store.js';
import { writeUnapplied, type JudgementQuestion } from './judgement.projection.js';
import { foldFresh } from './fold-fresh.js';
import { refoldLeads } from './refold.projection.js';
import { openScope } from './scope.projection.js';
import { bringUpToDate, causeOf, nowOf, settle, withinLimit, type MadeDecision } from './settle.projection.js';
import { restructure } from './structure.projection.js';
import type { Step } from './step.js';
import { writeStep, type Settled } from './write.projection.js';

export interface StepInput {
  client: PoolClient;
  context: ProjectionContext;
  rulebook: Rulebook;
  batch: number;
  listeners: ReadonlySet<string>;
  /** Newly stored events. */
  fresh: LeadEvent[];
  question: JudgementQuestion;
}

export interface StepDone {
  leads: number;
  decisions: number;
  notices: number;
  refolded: number;
}

/** Identify, lock, fold, look, decide and write: the part of a batch that the sweep of waiting judgements shares. */
export async function runStep(input: StepInput): Promise<StepDone> {
  const { client, context, rulebook, fresh } = input;
  const { judged, change, places, rejoined, anons, leads } = await openScope(
    client,
    fresh,
    input.question,
    context.settings.keyLimit,
  );
  const step: Step = {
    client,
    context,
    rulebook,
    batch: input.batch,
    now: await dateBatch(client, input.batch, rulebook.version),
    fresh,
    judged,
    change,
    places,
    leads,
    refold: new Set(),
    causes: new Map(),
    rootAfter: new Map(),
    timelineAfter: new Map(),
    visitors: new Set(),
  };
  const made: MadeDecision[] = [];
  await bringUpToDate(step, made);
  if (change.stated.length + judged.facts.length > 0) await restructure(step, rejoined, anons);
  else await writeUnapplied(client, judged);
  foldFresh(step);
  fp('projector.after_store');
  const refolded = await refold(step);
  const settled = settleTouched(step, made);
  const notices = await writeStep(step, settled, made, input.listeners);
  return { leads: settled.length, decisions: made.length, notices, refolded };
}

async function refold(step: Step): Promise<number> {
  const roots = [...step.refold].filter((id) => step.leads.get(id)!.mergedInto === null);
  const small = await withinLimit(step, roots);
  if (small.length === 0) return 0;
  for (const [root, state] of await refoldLeads(step.client, small, step.rulebook, step.context)) {
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
    else if (step.causes.has(lead.id) || step.refold.has(lead.id) || lead.lookedAt === null || decided.has(lead.id))
      settled.push({ lead, look: settle(step, lead, causeOf(step.causes.get(lead.id)), nowOf(step, lead), made) });
    else settled.push({ lead, look: undefined });
  }
  return settled;
}
