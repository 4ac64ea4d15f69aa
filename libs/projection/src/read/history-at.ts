import {
  apartOf,
  countedOf,
  identityOf,
  isStrong,
  joinComponents,
  ownerAt,
  primaryKeyOf,
  soleOwner,
  type Identification,
  type Link,
  type LinkPair,
  type LeadEvent,
  type SubjectKey,
} from '#libs/leads/domain';
import { isFact } from '../batch/judgement.projection.js';
import type { ProjectionSettings } from '../projection-context.js';
import type { KnownEvent, PastEvents } from './past-events.query.js';

/** Two of the lead's keys became one person in this batch. */
export interface Join {
  a: SubjectKey;
  b: SubjectKey;
  batch: number;
}

export interface HistoryAt {
  /** Sorted; those that a fact by then, or a statement of identity, names. */
  keys: SubjectKey[];
  /** Facts by then that stand, in the order of (occurredAt, id). */
  events: LeadEvent[];
  /** What was decided about any of the keys by then. */
  decisions: KnownEvent[];
  /** In the order in which they were learnt. */
  joins: Join[];
}

/** Whose events are whose, by the statements that are known; pure, and the same joins as a batch makes. */
export function historyAt(
  key: SubjectKey,
  past: PastEvents,
  at: number,
  { keyLimit, browserLimit }: Pick<ProjectionSettings, 'keyLimit' | 'browserLimit'>,
): HistoryAt {
  const { judgements } = past;
  const facts = past.events.filter(({ event }) => isFact(event) && !judgements.withdrawn(event.id));
  const links: (Link & { batch: number })[] = [];
  const aparts: LinkPair[] = [];
  const said = new Map<SubjectKey, (Identification & { batch: number })[]>();
  for (const { event, batch: stored } of facts) {
    const apart = apartOf(event);
    if (apart) aparts.push(apart);
    if (judgements.unmerged(event.id)) continue;
    const stamp = { at: event.occurredAt, event: event.id, batch: Math.max(stored, past.judgedIn.get(event.id) ?? 0) };
    const { link, identifications } = identityOf(event, judgements.verdictOf(event.id));
    if (link) links.push({ ...link, ...stamp });
    for (const { anon, strong } of identifications) {
      const row = { strong, ...stamp };
      if (said.get(`a:${anon}`)?.push(row) === undefined) said.set(`a:${anon}`, [row]);
    }
  }
  const timelines = new Map([...said].map(([anon, rows]) => [anon, countedOf(rows, browserLimit)]));
  const components = joinComponents(links, aparts, keyLimit);
  const skipped = new Set(components.skipped.map((link) => link.event));
  const leadOf = (one: SubjectKey): SubjectKey =>
    isStrong(one) ? components.rootOf(one) : (soleOwner(timelines.get(one) ?? [], components.rootOf) ?? one);
  const lead = leadOf(key);
  const ownerOf = (event: LeadEvent): SubjectKey | undefined => {
    const primary = primaryKeyOf(event);
    if (primary === undefined || isStrong(primary)) return primary && components.rootOf(primary);
    const owner = ownerAt(timelines.get(primary) ?? [], event.occurredAt);
    return owner === undefined ? primary : components.rootOf(owner);
  };
  const byThen = facts.filter(({ event }) => event.occurredAt <= at);
  const named = new Set(byThen.flatMap(({ event }) => primaryKeyOf(event) ?? []));
  for (const link of links) named.add(link.a).add(link.b);
  for (const { strong } of [...said.values()].flat()) named.add(strong);
  return {
    keys: [...named].filter((one) => leadOf(one) === lead).sort(),
    events: byThen
      .map(({ event }) => event)
      .filter((event) => ownerOf(event) === lead)
      .sort(byTime),
    decisions: past.events.filter(
      ({ event }) => event.type === 'decision' && event.occurredAt <= at && leadOf(primaryKeyOf(event)!) === lead,
    ),
    joins: [
      ...links.filter((link) => !skipped.has(link.event) && leadOf(link.a) === lead),
      ...[...timelines].flatMap(([anon, rows]) =>
        leadOf(anon) === lead ? rows.map(({ strong, batch }) => ({ a: anon, b: strong, batch })) : [],
      ),
    ].sort((left, right) => left.batch - right.batch),
  };
}

const byTime = (a: LeadEvent, b: LeadEvent): number => a.occurredAt - b.occurredAt || (a.id < b.id ? -1 : 1);
