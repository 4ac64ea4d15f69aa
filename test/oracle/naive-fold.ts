import {
  anonKey,
  consentOf,
  emailKey,
  emptyState,
  profileOf,
  userKey,
  type CompiledSignal,
  type LeadEvent,
  type LeadState,
  type Stamped,
  type SubjectKey,
  type Verdict,
  type Zone,
} from '#libs/leads/domain';

/**
 * The definition that every fast path is compared with: slow, and written apart from it. It shares only the leaves: what
 * one event says (profile, consent, a signal's match) and what a local day is. The fold's fine print, sentence by sentence.
 */
export interface NaiveOptions {
  keyLimit: number;
  /** Strong keys that one browser may have been identified as. */
  browserLimit: number;
  /** Facts after this instant (ms) count for nothing, but who is who is known from all of them. */
  until?: number;
}

/** By `keySetName`. A mixed visitor has a lead of his own, without events. */
export type Leads = Map<string, LeadState>;

export const keySetName = (keys: Iterable<SubjectKey>): string => [...keys].sort().join(' ');

type Dated = Pick<LeadEvent, 'occurredAt' | 'id'>;
const earlierFirst = (x: Dated, y: Dated): number =>
  x.occurredAt !== y.occurredAt ? x.occurredAt - y.occurredAt : x.id < y.id ? -1 : 1;
const latestOf = <T extends Dated>(events: T[]): T | undefined => [...events].sort(earlierFirst).pop();

interface Pair {
  event: LeadEvent;
  x: SubjectKey;
  y: SubjectKey;
}

export function naiveFold(
  history: readonly LeadEvent[],
  signals: readonly CompiledSignal[],
  zone: Zone,
  options: NaiveOptions,
): Leads {
  const seen = new Set<string>();
  const events = history.filter((event) => !seen.has(event.id) && seen.add(event.id));
  const retractionsOf = groupBy(
    events.filter((e) => e.type === 'retraction' && ['withdrawn', 'restored'].includes(e.name ?? '')),
    (e) => e.refersTo,
  );
  const isWithdrawn = (id: string): boolean => latestOf(retractionsOf(id))?.name === 'withdrawn';
  const inForce = events.filter((event) => event.type === 'retraction' || !isWithdrawn(event.id));
  const verdictsOf = groupBy(
    inForce.filter((e) => e.type === 'verdict' && ['human', 'machine', 'unsure'].includes(e.name ?? '')),
    (e) => e.refersTo,
  );
  const verdictOf = (id: string): Verdict | undefined => latestOf(verdictsOf(id))?.name as Verdict | undefined;
  const facts = inForce.filter((event) => !['retraction', 'verdict', 'unmerge', 'decision'].includes(event.type));

  const unmergesOf = groupBy(
    inForce.filter((e) => e.type === 'unmerge'),
    (e) => e.refersTo,
  );
  const pairs = facts
    .filter((event) => unmergesOf(event.id).length === 0)
    .flatMap((event) => pairsOf(event, verdictOf(event.id)));
  const links = pairs.filter(({ x, y }) => strong(x) && strong(y)).sort((p, q) => earlierFirst(p.event, q.event));
  const identifications = pairs.filter(({ x, y }) => strong(x) !== strong(y));
  const aparts = facts.filter((e) => e.type === 'apart').map((e) => [primary(e), e.otherKey] as const);

  const components = join(links, aparts, options.keyLimit);
  const leastOf = new Map(components.flatMap((keys) => keys.map((key) => [key, [...keys].sort()[0]!])));
  const componentOf = (key: SubjectKey): SubjectKey => leastOf.get(key) ?? key;
  const anonOf = (pair: Pair): SubjectKey => (strong(pair.x) ? pair.y : pair.x);
  const strongOf = (pair: Pair): SubjectKey => (strong(pair.x) ? pair.x : pair.y);
  const peopleOn = groupBy(identifications, anonOf);
  const isCrowded = (anon: SubjectKey): boolean => new Set(peopleOn(anon).map(strongOf)).size > options.browserLimit;
  const identificationsOf = groupBy(
    identifications.filter((pair) => !isCrowded(anonOf(pair))).sort((p, q) => earlierFirst(p.event, q.event)),
    anonOf,
  );

  const leadOf = (event: LeadEvent): SubjectKey => {
    const key = primary(event)!;
    if (strong(key)) return componentOf(key);
    const own = identificationsOf(key);
    const before = own.filter((pair) => pair.event.occurredAt <= event.occurredAt);
    const owner = before.at(-1) ?? own[0];
    return owner ? componentOf(strongOf(owner)) : key;
  };
  const leadOfKey = (key: SubjectKey): SubjectKey => {
    if (strong(key)) return componentOf(key);
    const owners = new Set(identificationsOf(key).map((pair) => componentOf(strongOf(pair))));
    return owners.size === 1 ? [...owners][0]! : key;
  };

  const keys = new Set(facts.map(primary).filter((key) => key !== undefined));
  for (const { x, y } of links) keys.add(x).add(y);
  for (const pair of identifications) keys.add(strongOf(pair));
  const keySets = new Map<SubjectKey, SubjectKey[]>();
  for (const key of keys) keySets.set(leadOfKey(key), [...(keySets.get(leadOfKey(key)) ?? []), key]);
  const { until = Infinity } = options;
  const eventsOf = groupBy(
    facts.filter((e) => primary(e) !== undefined && e.occurredAt <= until),
    leadOf,
  );
  const leads: Leads = new Map();
  for (const [lead, leadKeys] of keySets)
    leads.set(keySetName(leadKeys), stateOf(eventsOf(lead), signals, zone, verdictOf));
  return leads;
}

/** The definition may be slow, but a fault run asks it about tens of thousands of events. */
function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): (key: K) => T[] {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return (key) => groups.get(key) ?? [];
}

const strong = (key: SubjectKey): boolean => key.startsWith('u:') || key.startsWith('e:');
const primary = (event: LeadEvent): SubjectKey | undefined =>
  event.userId
    ? userKey(event.userId)
    : event.email
      ? emailKey(event.email)
      : event.anonymousId
        ? anonKey(event.anonymousId)
        : undefined;

function pairsOf(event: LeadEvent, verdict: Verdict | undefined): Pair[] {
  const own = primary(event);
  const anon = event.anonymousId === undefined ? undefined : anonKey(event.anonymousId);
  if (own === undefined) return [];
  if (event.type === 'alias' || event.type === 'merge') {
    const other = event.otherKey!;
    if (own === other) return [];
    const named = [own, other].find(strong);
    return [
      ...(strong(own) || strong(other) ? [{ event, x: own, y: other }] : []),
      ...(named && anon && anon !== own && anon !== other ? [{ event, x: anon, y: named }] : []),
    ];
  }
  const click = event.type === 'track' && event.name === 'Email Clicked' && verdict === 'human';
  if (!(event.type === 'identify' || event.links || click) || !strong(own)) return [];
  return [
    ...(event.userId && event.email ? [{ event, x: own, y: emailKey(event.email) }] : []),
    ...(anon ? [{ event, x: anon, y: own }] : []),
  ];
}

function join(
  links: Pair[],
  aparts: (readonly [SubjectKey | undefined, SubjectKey | undefined])[],
  keyLimit: number,
): SubjectKey[][] {
  let components: SubjectKey[][] = [];
  for (const { x, y } of links) {
    const left = components.find((keys) => keys.includes(x)) ?? [x];
    const right = components.find((keys) => keys.includes(y)) ?? [y];
    if (left === right) continue;
    const joined = [...left, ...right];
    if (joined.length > keyLimit) continue;
    if (aparts.some(([p, q]) => (left.includes(p!) && right.includes(q!)) || (left.includes(q!) && right.includes(p!))))
      continue;
    components = [...components.filter((keys) => keys !== left && keys !== right), joined];
  }
  return components;
}

function stateOf(
  events: LeadEvent[],
  signals: readonly CompiledSignal[],
  zone: Zone,
  verdictOf: (id: string) => Verdict | undefined,
): LeadState {
  const state = emptyState();
  const ordered = [...events].sort(earlierFirst);
  if (ordered.length > 0) {
    state.firstAt = ordered[0]!.occurredAt;
    state.lastAt = ordered.at(-1)!.occurredAt;
  }
  for (const event of ordered) {
    const stamp = <T>(value: T): Stamped<T> => ({ value, at: event.occurredAt, event: event.id });
    const captures = signals.filter((signal) => signal.capturedOf && signal.matches(event, verdictOf(event.id)));
    for (const signal of captures.sort((x, y) => (x.name < y.name ? 1 : -1))) {
      const value = signal.capturedOf!(event);
      if (value !== undefined) state.profile[signal.definition.capture!.attribute] = stamp(value);
    }
    for (const [name, value] of Object.entries(profileOf(event, zone)))
      if (!(name.startsWith('firstTouch.') && state.profile[name])) state.profile[name] = stamp(value);
    for (const [purpose, record] of Object.entries(consentOf(event))) state.consent[purpose] = stamp(record);
  }
  for (const signal of signals) {
    const matching = ordered.filter((event) => signal.matches(event, verdictOf(event.id)));
    const days = new Set(matching.map((event) => zone.localDay(event.occurredAt)));
    if (days.size > 0) state.counters[signal.hash] = {};
    for (const day of days) {
      const ofDay = matching.filter((event) => zone.localDay(event.occurredAt) === day);
      const { sum, distinctBy } = signal.definition;
      const distinct = new Set(
        ofDay.map((event) => signal.distinctOf(event, zone)).filter((hash) => hash !== undefined),
      );
      state.counters[signal.hash]![day] = {
        count: ofDay.length,
        first: ofDay[0]!.occurredAt,
        last: ofDay.at(-1)!.occurredAt,
        ...(sum === undefined ? {} : { sum: ofDay.reduce((total, event) => total + (signal.sumOf(event) ?? 0), 0) }),
        ...(distinctBy === undefined ? {} : { distinct: [...distinct].sort().slice(0, 64) }),
      };
    }
  }
  return state;
}
