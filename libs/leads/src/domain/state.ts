import type { Json } from './event.js';

/** Days since 1970-01-01 of a civil date in the organisation's time zone (`local-day.ts`). */
export type LocalDay = number;

/** Last writer wins by (at, event id). */
export interface Stamped<T> {
  value: T;
  /** occurredAt of the event that set it, ms. */
  at: number;
  event: string;
}

/** What one signal did on one local day. */
export interface DayCounter {
  count: number;
  /** Sum of the signal's integer property, where its definition names one. */
  sum?: number;
  /** The k = 64 smallest hashes of the distinct property, ascending, where the definition names one. */
  distinct?: string[];
  /** occurredAt, ms. */
  first: number;
  last: number;
}

export interface ConsentRecord {
  state: 'granted' | 'withdrawn';
  /** How it was given: `opt-in`, or an exemption: `business-card`, `existing-relation`, `published-address`. */
  basis: string;
  /** Version of the wording the person saw. */
  wording?: string;
}

/**
 * Everything derived from a lead's events, and nothing else. Keyed maps, so that canonical JSON needs only sorted keys.
 * `counters` is keyed by the hash of the signal's definition.
 */
export interface LeadState {
  profile: Record<string, Stamped<Json>>;
  consent: Record<string, Stamped<ConsentRecord>>;
  counters: Record<string, Record<LocalDay, DayCounter>>;
  /** Most recent and earliest event of the lead, ms. */
  firstAt?: number;
  lastAt?: number;
}

/** A move forward that waits for fields or for an approval. */
export interface HeldMove {
  stage: string;
  /** Since when, ms. */
  at?: number;
  /** The outcome of sales that asks for it; else a condition does. */
  outcome?: string;
  /** The approval that came while fields were still missing. */
  approved?: string;
}

/** An outcome of sales that names a stage, as it was applied. */
export interface OutcomeMove {
  outcome: string;
  event: string;
  /** occurredAt, ms. */
  at: number;
  /** Where the lead would stand without this outcome and all later ones: conditions go on moving it. */
  from: string;
  /** `blocked`, likewise. */
  blocked?: string[];
}

/** What was decided about a lead so far: has memory, is never derived anew. */
export interface LeadMemory {
  hot: boolean;
  /** A crossing needs an armed lead; it disarms. */
  armed: boolean;
  epoch: number;
  stage: string | null;
  segments: string[];
  /** Number of stage and segment decisions so far: dates their ids. */
  seq?: number;
  /** Event id of the outcome of sales that was last applied to the stage. */
  outcome?: string;
  /** What sales said that decided about the stage, in the order applied: a withdrawn one is taken back. */
  moves?: OutcomeMove[];
  /** ms: outcomes that were applied before are not all in `moves`; what was said earlier is accounted for. */
  movesSince?: number;
  /** Stages left backwards while their condition held: entered again only after it has ceased. */
  blocked?: string[];
  /** Moves that wait, in the order of the funnel. */
  held?: HeldMove[];
  /** Approvals that count no more, by event id, sorted. */
  accounted?: string[];
  /** Grows with every record of this memory: the latest record is the memory that a rebuild restores. */
  revision?: number;
}

export const emptyState = (): LeadState => ({ profile: {}, consent: {}, counters: {} });
export const freshMemory = (): LeadMemory => ({ hot: false, armed: true, epoch: 0, stage: null, segments: [] });
