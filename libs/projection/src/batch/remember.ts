import { canonicalJson, freshMemory, type LeadMemory } from '#libs/leads/domain';
import type { Decision } from '../domain/index.js';
import type { LockedLead } from '../store/lead.store.js';

/** `memory`: what is remembered changed without anything being decided: a merge, a split, an outcome accounted for. */
export type Recorded = Omit<Decision, 'decision'> & { decision: Decision['decision'] | 'memory' };

const none: readonly string[] = [];
const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, index) => name === b[index]);

/** A lead that was looked at and nothing was decided about stands in the first stage without a record. */
export const sameMemory = (a: LeadMemory, b: LeadMemory, firstStage: string): boolean =>
  a === b ||
  (a.hot === b.hot &&
    a.armed === b.armed &&
    a.epoch === b.epoch &&
    (a.stage ?? firstStage) === (b.stage ?? firstStage) &&
    (a.seq ?? 0) === (b.seq ?? 0) &&
    a.outcome === b.outcome &&
    a.movesSince === b.movesSince &&
    sameList(a.segments, b.segments) &&
    sameList(a.blocked ?? none, b.blocked ?? none) &&
    sameList(a.accounted ?? none, b.accounted ?? none) &&
    (a.moves === b.moves || canonicalJson(a.moves ?? none) === canonicalJson(b.moves ?? none)) &&
    (a.held === b.held || canonicalJson(a.held ?? none) === canonicalJson(b.held ?? none)));

/**
 * A rebuild reads decisions and never makes them. So each record carries all that is remembered after it, and of the records
 * that name any of a lead's keys the greatest revision is the lead's memory: whoever takes over another's memory, or keeps
 * his own while keys leave him, goes beyond every revision that was there.
 */
export const revised = (memory: LeadMemory, beyond: number): LeadMemory => ({ ...memory, revision: beyond + 1 });

export const revisionOf = (memory: LeadMemory | undefined): number => memory?.revision ?? 0;

/** What a lead without any record remembers. */
export const unrecorded = (lead: Pick<LockedLead, 'lookedAt'>, firstStage: string): LeadMemory => ({
  ...freshMemory(),
  stage: lead.lookedAt === null ? null : firstStage,
});

export function memoryRecord(memory: LeadMemory, cause: Decision['cause']): Recorded {
  return {
    decision: 'memory',
    name: 'memory',
    from: null,
    to: null,
    cause,
    quiet: true,
    epoch: memory.epoch,
    rules: [],
    seq: revisionOf(memory),
  };
}
