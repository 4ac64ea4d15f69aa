import {
  emptyState,
  foldEvent,
  judge,
  ownerAt,
  type Identification,
  type Judgements,
  primaryKeyOf,
  type LeadEvent,
  type LeadMemory,
  type LeadState,
  type SubjectKey,
} from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { plainArray } from '../store/arrays.js';
import { eventColumns, eventOf, type EventRow } from '../store/event.store.js';
import { foldContextOf } from '../domain/index.js';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import { isFact } from './judgement.projection.js';
import { revisionOf } from './remember.js';

export interface History {
  root: number;
  /** All keys whose root this is. */
  keys: SubjectKey[];
  events: LeadEvent[];
  /** Of the latest record that names one of the keys. */
  memory?: LeadMemory;
}

const rootKeys = `root as (select id from unnest($1::bigint[]) as t(id)),
  member as (select r.id as root, r.id as lead from root r union all select r.id, l.id from root r join lead l on l.merged_into = r.id),
  held as (select m.root, s.key, substr(s.key, 3) as bare, left(s.key, 2) as sort from member m join subject_key s on s.lead = m.lead),
  browser as (select h.root, h.bare as anon from held h where h.sort = 'a:'
    union select h.root, i.anon from held h join identification i on i.strong = h.key where h.sort <> 'a:')`;

/** How many events a refold of these leads would read, at the most. No key is counted past `enough`: counting reads, too. */
export async function historySizes(
  db: Queryable,
  roots: Iterable<number>,
  enough: number,
): Promise<Map<number, number>> {
  const result = await db.query<{ root: number; size: number }>({
    name: 'leadfold-history-sizes',
    text: `with ${rootKeys}
      select root, sum(size)::bigint as size from (
        select h.root, (select count(*) from (select from event e where e.uid = h.bare limit $2) as few) as size from held h where h.sort = 'u:'
        union all select h.root, (select count(*) from (select from event e where e.email = h.bare and e.uid is null limit $2) as few) from held h where h.sort = 'e:'
        union all select b.root, (select count(*) from (select from event e where e.anon = b.anon and e.uid is null and e.email is null limit $2) as few) from browser b) as counted
      group by root`,
    values: [plainArray([...roots]), enough],
  });
  return new Map(result.rows.map((row) => [row.root, row.size]));
}

/** Whose the events of these leads' keys and browsers are. */
export interface Ownership {
  histories: Map<number, History>;
  rootOf: ReadonlyMap<SubjectKey, number>;
  timelines: ReadonlyMap<string, Identification[]>;
}

export async function readOwnership(db: Queryable, roots: Iterable<number>): Promise<Ownership> {
  const ids = [...new Set(roots)];
  const histories = new Map<number, History>(ids.map((root) => [root, { root, keys: [], events: [] }]));
  if (ids.length === 0) return { histories, rootOf: new Map(), timelines: new Map() };
  const keys = await db.query<{ root: number; key: string }>({
    name: 'leadfold-history-keys',
    text: `with ${rootKeys} select root, key from held`,
    values: [plainArray(ids)],
  });
  const rootOf = new Map(keys.rows.map((row) => [row.key, row.root]));
  for (const row of keys.rows) histories.get(row.root)!.keys.push(row.key);
  const rows = await db.query<{ anon: string; at: number; event: string; strong: string }>({
    name: 'leadfold-history-timelines',
    text: `with ${rootKeys}, anon as (select distinct anon from browser)
      select i.anon, (extract(epoch from i.at) * 1000)::bigint as at, i.event, i.strong from anon a join identification i on i.anon = a.anon`,
    values: [plainArray(ids)],
  });
  const timelines = new Map<string, Identification[]>();
  for (const { anon, ...row } of rows.rows) timelines.set(anon, [...(timelines.get(anon) ?? []), row]);
  return { histories, rootOf, timelines };
}

export type HistoryRow = EventRow & { root: number | null };

/** `$1` is an array of root ids; `which` is one more condition on `e`. */
export const historyEvents = (
  roots: string,
  which = 'true',
): string => `with ${rootKeys.replace('$1', roots)}, anon as (select distinct anon from browser)
  select h.root, ${eventColumns} from held h join event e on e.uid = h.bare where h.sort = 'u:' and ${which}
  union all select h.root, ${eventColumns} from held h join event e on e.email = h.bare and e.uid is null where h.sort = 'e:' and ${which}
  union all select null, ${eventColumns} from anon a join event e on e.anon = a.anon and e.uid is null and e.email is null where ${which}`;

/** Every fact of these root leads, ownership of anonymous ones derived. One statement for the events: one snapshot. */
export async function readHistories(db: Queryable, roots: Iterable<number>): Promise<Map<number, History>> {
  const ownership = await readOwnership(db, roots);
  const { histories } = ownership;
  if (histories.size === 0) return histories;
  const events = await db.query<HistoryRow>({
    name: 'leadfold-history-events',
    text: historyEvents('$1'),
    values: [plainArray([...histories.keys()])],
  });
  for (const row of events.rows) take(row, ownership);
  return histories;
}

/** Puts a stored event to its owner's history: a fact as one more event, a decision as what it says is remembered. */
export function take(row: HistoryRow, { histories, rootOf, timelines }: Ownership): void {
  const event = eventOf(row);
  if (event.type === 'decision') {
    const history = histories.get(rootOf.get(primaryKeyOf(event)!) ?? -1);
    const memory = row.body['memory'] as LeadMemory | undefined;
    if (history && memory && revisionOf(memory) > revisionOf(history.memory)) history.memory = memory;
  }
  if (!isFact(event)) return;
  const root = row.root ?? anonOwner(event, timelines, rootOf);
  if (root !== undefined) histories.get(root)?.events.push(event);
}

function anonOwner(
  event: LeadEvent,
  rowsOf: ReadonlyMap<string, Identification[]>,
  rootOf: ReadonlyMap<string, number>,
): number | undefined {
  const rows = rowsOf.get(event.anonymousId!);
  return rootOf.get((rows && ownerAt(rows, event.occurredAt)) ?? `a:${event.anonymousId}`);
}

/**
 * Judgements in force on these events. Those that still wait for the sweep are left out: the sweep adds them. `without` are
 * judgements that this batch has stored but not applied yet.
 */
export async function judgementsOf(
  db: Queryable,
  eventIds: readonly string[],
  without?: ReadonlySet<string>,
): Promise<Judgements> {
  if (eventIds.length === 0) return judge([]);
  const result = await db.query<EventRow>({
    name: 'leadfold-judgements-of',
    text: `with lower as (select e.* from unnest($1::uuid[]) as t(id) join event e on e.refers_to = t.id),
      upper as (select e.* from lower l join event e on e.refers_to = l.id where l.kind = 'judgement')
      select ${eventColumns} from (select * from lower union all select * from upper) e
      where e.kind in ('judgement', 'retraction') and not exists (select 1 from unapplied_judgement u where u.event = e.id)`,
    values: [plainArray(eventIds)],
  });
  return judge(result.rows.filter((row) => !without?.has(row.id)).map(eventOf));
}

export function foldHistory(
  events: readonly LeadEvent[],
  judgements: Judgements,
  rulebook: Rulebook,
  context: ProjectionContext,
  state = emptyState(),
): LeadState {
  const fold = foldContextOf(rulebook, context.zone, judgements.verdictOf);
  for (const event of events) if (!judgements.withdrawn(event.id)) foldEvent(state, event, fold);
  return state;
}

export interface Refolded {
  state: LeadState;
  /** As recorded; absent where nothing ever was. */
  memory?: LeadMemory;
}

/** The definition, which the additions of a batch only make fast: state from every stored event. */
export async function refoldLeads(
  db: Queryable,
  roots: Iterable<number>,
  rulebook: Rulebook,
  context: ProjectionContext,
  without?: ReadonlySet<string>,
): Promise<Map<number, Refolded>> {
  const histories = await readHistories(db, roots);
  if (without)
    for (const history of histories.values()) history.events = history.events.filter((event) => !without.has(event.id));
  const judgements = await judgementsOf(
    db,
    [...histories.values()].flatMap((history) => history.events.map((event) => event.id)),
  );
  return new Map(
    [...histories].map(([root, { events, memory }]) => {
      const state = foldHistory(events, judgements, rulebook, context);
      return [root, memory ? { state, memory } : { state }];
    }),
  );
}
