import {
  mergeStates,
  ownerAt,
  primaryKeyOf,
  isStrong,
  type AccountKey,
  type Identification,
  type LeadEvent,
  type LeadMemory,
  type SubjectKey,
} from '#libs/leads/domain';
import type { StatementPipeline } from '#libs/platform';
import type { LockedLead } from '../store/lead.store.js';
import type { KeyPlaces } from '../store/identity.store.js';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import type { Awaited, Look } from '../domain/index.js';
import type { Judged, JudgementQuestion } from './judgement.projection.js';
import type { IdentityChange } from './identity-change.js';

/** What made a lead's decisions change; all but `event` are quiet. */
export type Cause = 'event' | 'publish' | 'merge' | 'unmerge' | 'withdrawal' | 'time' | 'old-events';

export interface StepInput {
  client: StatementPipeline;
  context: ProjectionContext;
  rulebook: Rulebook;
  batch: number;
  listeners: ReadonlySet<string>;
  /** Newly stored events. */
  fresh: LeadEvent[];
  question: JudgementQuestion;
  /** Of every key that the fresh events name; absent where nothing was read yet. */
  places?: KeyPlaces;
}

/** One transaction's work on leads: the batch, the review and the sweep all run one of these. */
export interface Step {
  client: StatementPipeline;
  context: ProjectionContext;
  rulebook: Rulebook;
  batch: number;
  /** Taken after the locks, ms. */
  now: number;
  fresh: LeadEvent[];
  judged: Judged;
  change: IdentityChange;
  places: KeyPlaces;
  /** Locked roots, by id. */
  leads: Map<number, LockedLead>;
  /** Roots whose state is folded anew from `event`. */
  refold: Set<number>;
  /** Stored facts that a judgement changed otherwise than by addition, by their root: their parts of its state are refolded. */
  touched: Map<number, LeadEvent[]>;
  causes: Map<number, Set<Cause>>;
  /** Roots whose keys or memory this step's structure changed. */
  reshaped: Set<number>;
  /** Roots that were settled, and those refolded for it, before this step's events were folded. */
  settledFirst: Set<number>;
  refoldedFirst: Set<number>;
  /** Overrides of `places` by what this step itself moved. */
  rootAfter: Map<SubjectKey, number>;
  timelineAfter: Map<string, Identification[]>;
  /** Conditions that scenarios wait for, and which of them held of each lead before this step. */
  awaited: Awaited | undefined;
  heldBefore: Map<number, string>;
  /** The company of each lead that was looked at before; undefined where it was part of another lead. */
  companyBefore: Map<number, AccountKey | null | undefined>;
  /** Roots that are lone visitors, where `places` does not say so. */
  visitors: ReadonlySet<number>;
  /** The latest look at each lead, where somebody wants to use it again. */
  looks?: Map<number, Look>;
}

export function addCause(step: Pick<Step, 'causes'>, lead: number, cause: Cause): void {
  const causes = step.causes.get(lead);
  if (causes) causes.add(cause);
  else step.causes.set(lead, new Set([cause]));
}

export function leadOf(step: Step, id: number): LockedLead {
  const lead = step.leads.get(id);
  if (!lead) throw new Error('a lead is touched that was not locked');
  return lead;
}

export const rootOfKey = (step: Pick<Step, 'places' | 'rootAfter'>, key: SubjectKey): number | undefined =>
  step.rootAfter.get(key) ?? step.places.places.get(key)?.root;

/** The root lead an event belongs to, as this step leaves it. Undefined only for events without a subject key. */
export function ownerOf(
  step: Pick<Step, 'places' | 'rootAfter' | 'timelineAfter'>,
  event: LeadEvent,
): number | undefined {
  const key = primaryKeyOf(event);
  if (key === undefined) return undefined;
  if (isStrong(key)) return rootOfKey(step, key);
  const anon = event.anonymousId!;
  const timeline = step.places.timelines.get(anon);
  const rows = step.timelineAfter.get(anon) ?? timeline?.rows ?? [];
  const owner = rows.length === 0 ? undefined : ownerAt(rows, event.occurredAt);
  if (owner === undefined) return timeline?.own?.lead;
  return rootOfKey(step, owner) ?? timeline?.owners.find((one) => one.key === owner)?.root;
}

/** Adds what one lead has to another; the empty one stays behind. */
export function addStateTo(step: Step, target: number, source: number): void {
  const to = leadOf(step, target);
  const from = leadOf(step, source);
  to.state = mergeStates(to.state, from.state);
}

/** Armed only if both were, and the higher epoch: what one of them did must not alert twice. */
export const withEpochOf = (memory: LeadMemory, other: LeadMemory): LeadMemory => ({
  ...memory,
  armed: memory.armed && other.armed,
  epoch: Math.max(memory.epoch, other.epoch),
});
