import { isStrong, ownedIntervals } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import type { Ownership } from '../batch/refold.projection.js';
import { plainArray, textArray } from './arrays.js';
import { eventColumns, type EventRow } from './event.store.js';

/** Stored events of one key that are one lead's, from ≤ occurredAt < until in ms: a strong key's all, a browser's by interval. */
export interface LeadSegment {
  root: number;
  /** `u:`, `e:` or `a:`. */
  sort: string;
  bare: string;
  from: number;
  until: number;
}

/** Where each lead's events lie: all of them, and nobody else's. */
export function segmentsOf({ histories, rootOf, timelines }: Ownership): Map<number, LeadSegment[]> {
  const segments = new Map<number, LeadSegment[]>([...histories.keys()].map((root) => [root, []]));
  const browsers = new Set(timelines.keys());
  for (const [root, { keys }] of histories)
    for (const key of keys)
      if (isStrong(key))
        segments.get(root)!.push({ root, sort: key.slice(0, 2), bare: key.slice(2), from: -Infinity, until: Infinity });
      else browsers.add(key.slice(2));
  for (const anon of browsers) {
    const own = rootOf.get(`a:${anon}`);
    for (const { from, until, owner } of ownedIntervals(timelines.get(anon) ?? [], (strong) => rootOf.get(strong))) {
      // nobody has identified it: the browser's own lead. A stranger's interval has no root here.
      const root = timelines.has(anon) ? owner : own;
      if (root !== undefined) segments.get(root)!.push({ root, sort: 'a:', bare: anon, from, until });
    }
  }
  return segments;
}

export const within = (segments: readonly LeadSegment[], from: number, until: number): LeadSegment[] =>
  segments
    .map((segment) => ({ ...segment, from: Math.max(from, segment.from), until: Math.min(until, segment.until) }))
    .filter((segment) => segment.from < segment.until);

const fact = "e.kind not in ('judgement', 'retraction', 'decision')";
const branches = [
  ["s.sort = 'u:'", 'e.uid = s.bare'],
  ["s.sort = 'e:'", 'e.email = s.bare and e.uid is null'],
  ["s.sort = 'a:'", 'e.anon = s.bare and e.uid is null and e.email is null'],
] as const;

/** Each segment's facts by index, at most `limit` of each. `which` and `order` are over `e`. */
const segmentFacts = (which: string, order: string, limit: string): string => `with segment as (
    select root, sort, bare, to_timestamp(lower / 1000.0) as lower, to_timestamp(upper / 1000.0) as upper
    from unnest($1::bigint[], $2::text[], $3::text[], $4::float8[], $5::float8[]) as t(root, sort, bare, lower, upper))
  ${branches
    .map(
      ([sort, key]) => `select s.root, f.* from segment s cross join lateral (
        select ${eventColumns} from event e where ${key} and e.occurred_at >= s.lower and e.occurred_at < s.upper and ${fact} and ${which}
        ${order} limit ${limit}) f where ${sort}`,
    )
    .join(' union all ')}`;

const valuesOf = (segments: readonly LeadSegment[]): string[] => [
  plainArray(segments.map((segment) => segment.root)),
  textArray(segments.map((segment) => segment.sort)),
  textArray(segments.map((segment) => segment.bare)),
  plainArray(segments.map((segment) => segment.from)),
  plainArray(segments.map((segment) => segment.until)),
];

export type SegmentRow = EventRow & { root: number };

export async function readSegments(
  db: Queryable,
  segments: readonly LeadSegment[],
  types: readonly string[],
  limit: number,
): Promise<SegmentRow[]> {
  const result = await db.query<SegmentRow>({
    name: 'leadfold-read-segments',
    text: segmentFacts('e.type = any($6::text[])', '', '$7'),
    values: [...valuesOf(segments), textArray(types), limit],
  });
  return result.rows;
}

/** How many facts each lead has in these segments. */
export async function countFacts(db: Queryable, segments: readonly LeadSegment[]): Promise<Map<number, number>> {
  const result = await db.query<{ root: number; facts: number }>(
    `with segment as (
        select root, sort, bare, to_timestamp(lower / 1000.0) as lower, to_timestamp(upper / 1000.0) as upper
        from unnest($1::bigint[], $2::text[], $3::text[], $4::float8[], $5::float8[]) as t(root, sort, bare, lower, upper))
      select root, sum(facts)::bigint as facts from (${branches
        .map(
          ([
            sort,
            key,
          ]) => `select s.root, f.facts from segment s cross join lateral (select count(*) as facts from event e
            where ${key} and e.occurred_at >= s.lower and e.occurred_at < s.upper and ${fact}) f where ${sort}`,
        )
        .join(' union all ')}) as counted group by root`,
    valuesOf(segments),
  );
  return new Map(result.rows.map((row) => [row.root, row.facts]));
}

export type Walk = 'address' | 'stated' | 'consent' | 'firstTouch' | 'any';

const stating = "(e.type not in ('page', 'screen', 'track', 'delivery') or e.body->>'links' = 'true')";
/** Every event that can set what is looked for, and few others. */
const walks: Record<Walk, string> = {
  address: `(e.email is not null or ${stating})`,
  stated: stating,
  consent: stating,
  firstTouch: "(e.body->'context' ? 'campaign' or e.body->'context'->'page' ? 'referrer')",
  any: 'true',
};

export interface WalkPlace {
  at: number;
  id: string;
}

/** One page of a walk along one lead's facts, over all its keys, in order of (occurredAt, id). */
export async function walkSegments(
  db: Queryable,
  segments: readonly LeadSegment[],
  walk: Walk,
  direction: 'forward' | 'back',
  limit: number,
  after?: WalkPlace,
): Promise<SegmentRow[]> {
  const [sign, order] = direction === 'forward' ? ['>', ''] : ['<', 'desc'];
  const start = direction === 'forward' ? -Infinity : Infinity;
  const result = await db.query<SegmentRow>({
    name: `leadfold-walk-${walk}-${direction}`,
    text: `select * from (${segmentFacts(
      `(e.occurred_at, e.id) ${sign} (to_timestamp($6::float8 / 1000.0), $7::uuid) and ${walks[walk]}`,
      `order by e.occurred_at ${order}, e.id ${order}`,
      '$8',
    )}) as page order by at ${order}, id ${order} limit $8`,
    values: [...valuesOf(segments), String(after?.at ?? start), after?.id ?? nobody, limit],
  });
  return result.rows;
}

const nobody = '00000000-0000-0000-0000-000000000000';
