import type { LeadEvent } from './event.js';
import type { Verdict } from './signal.js';

type Judgement = Pick<LeadEvent, 'id' | 'type' | 'occurredAt' | 'refersTo' | 'name'>;

export interface Judgements {
  /** As if it had never been. */
  withdrawn(eventId: string): boolean;
  verdictOf(eventId: string): Verdict | undefined;
  /** The event stays, but neither links nor identifies. */
  unmerged(eventId: string): boolean;
}

/**
 * Two strata: verdicts and un-merges judge facts; retractions judge anything but retractions. Per target the latest
 * (occurredAt, id) wins. Events that judge nothing are passed over, so any superset of the judgements will do.
 */
export function judge(events: Iterable<Judgement>): Judgements {
  const retractions = new Map<string, Judgement>();
  const lower: Judgement[] = [];
  for (const event of events) {
    if (event.refersTo === undefined) continue;
    if (event.type === 'verdict' || event.type === 'unmerge') lower.push(event);
    else if (event.type === 'retraction' && (event.name === 'withdrawn' || event.name === 'restored'))
      keepLatest(retractions, event);
  }
  const withdrawn = (eventId: string): boolean => retractions.get(eventId)?.name === 'withdrawn';
  const verdicts = new Map<string, Judgement>();
  const unmerged = new Set<string>();
  for (const event of lower) {
    if (withdrawn(event.id)) continue;
    if (event.type === 'unmerge') unmerged.add(event.refersTo!);
    else if (isVerdict(event.name)) keepLatest(verdicts, event);
  }
  return {
    withdrawn,
    verdictOf: (eventId) => verdicts.get(eventId)?.name as Verdict | undefined,
    unmerged: (eventId) => unmerged.has(eventId),
  };
}

const isVerdict = (name: string | undefined): boolean => name === 'human' || name === 'machine' || name === 'unsure';

function keepLatest(byTarget: Map<string, Judgement>, event: Judgement): void {
  const current = byTarget.get(event.refersTo!);
  if (current === undefined || isLater(event, current)) byTarget.set(event.refersTo!, event);
}

export const isLater = (a: Pick<LeadEvent, 'occurredAt' | 'id'>, b: Pick<LeadEvent, 'occurredAt' | 'id'>): boolean =>
  a.occurredAt > b.occurredAt || (a.occurredAt === b.occurredAt && a.id > b.id);
