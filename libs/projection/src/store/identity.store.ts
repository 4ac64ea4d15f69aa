import type { Identification, Link, LinkPair, SubjectKey } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { plainArray, textArray } from './arrays.js';
import { binaryTexts } from './binary-arrays.js';

const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint`;

export interface KeyPlace {
  key: SubjectKey;
  lead: number;
  root: number;
  /** The root's version. */
  version: number;
}

export interface Timeline {
  /** The browser's own lead, if its key has one. */
  own?: KeyPlace & { mixed: boolean };
  rows: Identification[];
  owners: KeyPlace[];
  /** The browser was nobody's, and `rows` is empty. What was said is read only where few enough people are left. */
  crowd?: { said?: Identification[] };
}

export interface KeyPlaces {
  places: Map<SubjectKey, KeyPlace>;
  /** By bare anonymousId. */
  timelines: Map<string, Timeline>;
  /** Leads that this transaction has minted. */
  minted: Set<number>;
  /** Keys that were looked for. */
  asked: Set<SubjectKey>;
}

export const emptyPlaces = (asked: Iterable<SubjectKey> = []): KeyPlaces => ({
  places: new Map(),
  timelines: new Map(),
  minted: new Set(),
  asked: new Set(asked),
});

interface PlaceRow {
  key: SubjectKey;
  lead: number | null;
  root: number | null;
  version: number | null;
  mixed: boolean | null;
  at: number | null;
  event: string | null;
  strong: SubjectKey | null;
  ownerLead: number | null;
  ownerRoot: number | null;
  ownerVersion: number | null;
}

/**
 * Keys with their root leads, and the time lines of the anonymous ones with their owners: one statement, hence one
 * snapshot. Whoever moves an interval raises the versions read here, so a stale answer is noticed under the locks.
 */
export async function readPlaces(db: Queryable, keys: readonly SubjectKey[]): Promise<KeyPlaces> {
  const found = emptyPlaces(keys);
  const result = await db.query<PlaceRow>({
    name: 'leadfold-read-places',
    text: `select t.key, s.lead, r.id as root, r.version, l.mixed, ${ms('i.at')} as at, i.event, i.strong,
        os.lead as "ownerLead", orl.id as "ownerRoot", orl.version as "ownerVersion"
      from unnest($1::text[]) as t(key)
      left join subject_key s on s.key = t.key
      left join lead l on l.id = s.lead
      left join lead r on r.id = coalesce(l.merged_into, l.id)
      left join identification i on left(t.key, 2) = 'a:' and i.anon = substr(t.key, 3)
      left join subject_key os on os.key = i.strong
      left join lead ol on ol.id = os.lead
      left join lead orl on orl.id = coalesce(ol.merged_into, ol.id)`,
    values: [binaryTexts([...found.asked])],
  });
  for (const row of result.rows) {
    const place =
      row.lead === null ? undefined : { key: row.key, lead: row.lead, root: row.root!, version: row.version! };
    if (place) found.places.set(row.key, place);
    if (!row.key.startsWith('a:')) continue;
    const anon = row.key.slice(2);
    const timeline = found.timelines.get(anon) ?? {
      rows: [],
      owners: [],
      ...(place ? { own: { ...place, mixed: row.mixed! } } : {}),
    };
    found.timelines.set(anon, timeline);
    if (row.event === null) continue;
    timeline.rows.push({ at: row.at!, event: row.event, strong: row.strong! });
    timeline.owners.push({ key: row.strong!, lead: row.ownerLead!, root: row.ownerRoot!, version: row.ownerVersion! });
  }
  return found;
}

/** A key that was minted a moment ago is on no time line and linked to nobody: who would say so had to mint it first. */
export function addMinted(found: KeyPlaces, minted: ReadonlyMap<SubjectKey, number>): void {
  for (const [key, lead] of minted) {
    const place = { key, lead, root: lead, version: 0 };
    found.places.set(key, place);
    found.minted.add(lead);
    if (key.startsWith('a:'))
      found.timelines.set(key.slice(2), { own: { ...place, mixed: false }, rows: [], owners: [] });
  }
}

/** The last but one class of locks: whose time lines this batch changes. */
export async function lockBrowsers(client: Queryable, anons: Iterable<string>): Promise<void> {
  const keys = [...new Set(anons)].sort().map((anon) => `a:${anon}`);
  if (keys.length === 0) return;
  await client.query({
    name: 'leadfold-lock-browsers',
    text: 'select 1 from subject_key where key = any($1::text[]) order by key for update',
    values: [textArray(keys)],
  });
}

export interface Neighbourhood {
  places: Map<SubjectKey, KeyPlace>;
  links: Link[];
  aparts: (LinkPair & { event: string })[];
}

/** Everything that is linked, skipped links included, to these strong keys: what their components are decided from. */
export async function readNeighbourhood(db: Queryable, keys: readonly SubjectKey[]): Promise<Neighbourhood> {
  const found: Neighbourhood = { places: new Map(), links: [], aparts: [] };
  if (keys.length === 0) return found;
  const result = await db.query<{
    tag: 'k' | 'l' | 'p';
    a: string;
    b: string;
    event: string;
    at: number;
    lead: number;
    root: number;
    version: number;
  }>({
    name: 'leadfold-read-neighbourhood',
    text: `with recursive reach(key) as (
        select unnest($1::text[])
        union select case when l.a = r.key then l.b else l.a end from reach r join link l on (l.a = r.key or l.b = r.key) and l.state <> 'withdrawn')
      select 'k' as tag, r.key as a, null as b, null::uuid as event, null::bigint as at, s.lead, rl.id as root, rl.version
        from reach r join subject_key s on s.key = r.key join lead l on l.id = s.lead join lead rl on rl.id = coalesce(l.merged_into, l.id)
      union all select 'l', l.a, l.b, l.event, ${ms('l.at')}, null, null, null from reach r join link l on l.a = r.key and l.state <> 'withdrawn'
      union all select 'p', p.a, p.b, p.event, null, null, null, null from reach r join apart p on p.a = r.key`,
    values: [textArray([...new Set(keys)])],
  });
  for (const row of result.rows)
    if (row.tag === 'k') found.places.set(row.a, { key: row.a, lead: row.lead, root: row.root, version: row.version });
    else if (row.tag === 'l') found.links.push({ a: row.a, b: row.b, event: row.event, at: row.at });
    else found.aparts.push({ a: row.a, b: row.b, event: row.event });
  return found;
}

/** Browsers that any of these strong keys was ever identified on. */
export async function browsersOf(db: Queryable, strongKeys: readonly SubjectKey[]): Promise<string[]> {
  if (strongKeys.length === 0) return [];
  const result = await db.query<{ anon: string }>({
    name: 'leadfold-browsers-of',
    text: 'select distinct anon from identification where strong = any($1::text[])',
    values: [textArray(strongKeys)],
  });
  return result.rows.map((row) => row.anon);
}

export interface StatedIdentity {
  event: string;
  at: number;
  link?: LinkPair & { state: string; reason: string | null };
  apart?: LinkPair;
  identifications: { anon: string; strong: SubjectKey }[];
}

/** Puts what these events say in the place of whatever they said before. What is said of nobody's browsers is not among it. */
export async function writeIdentity(
  client: Queryable,
  batch: number,
  stated: readonly StatedIdentity[],
  nobodys: ReadonlySet<string>,
): Promise<void> {
  if (stated.length === 0) return;
  const events = plainArray(stated.map((one) => one.event));
  const identified = stated.flatMap((one) =>
    one.identifications
      .filter(({ anon }) => !nobodys.has(anon))
      .map((identification) => ({ ...identification, ...one })),
  );
  const replacing = client.query({
    name: 'leadfold-replace-identifications',
    text: `with gone as (
        delete from identification i using unnest($1::uuid[]) as t(event) where i.event = t.event
          and not exists (select 1 from unnest($2::text[], $4::uuid[]) as n(anon, event) where n.anon = i.anon and n.event = i.event)),
      unapart as (delete from apart a using unnest($1::uuid[]) as t(event) where a.event = t.event and a.event <> all($7::uuid[])),
      unlink as (update link l set state = 'withdrawn', reason = null from unnest($1::uuid[]) as t(event) where l.event = t.event and l.event <> all($8::uuid[]))
      insert into identification (anon, at, event, strong, batch)
      select anon, to_timestamp(at / 1000.0), event, strong, $6 from unnest($2::text[], $3::float8[], $4::uuid[], $5::text[]) as t(anon, at, event, strong)
      on conflict do nothing`,
    values: [
      events,
      textArray(identified.map((one) => one.anon)),
      plainArray(identified.map((one) => one.at)),
      plainArray(identified.map((one) => one.event)),
      textArray(identified.map((one) => one.strong)),
      batch,
      plainArray(stated.filter((one) => one.apart).map((one) => one.event)),
      plainArray(stated.filter((one) => one.link).map((one) => one.event)),
    ],
  });
  const links = stated.filter((one) => one.link);
  const aparts = stated.filter((one) => one.apart);
  const writing =
    links.length + aparts.length > 0 &&
    client.query({
      name: 'leadfold-write-links',
      text: `with held as (insert into apart (event, a, b, at, batch)
        select event, a, b, to_timestamp(at / 1000.0), $11 from unnest($7::uuid[], $8::text[], $9::text[], $10::float8[]) as t(event, a, b, at)
        on conflict do nothing)
      insert into link (event, a, b, at, state, reason, batch)
      select event, a, b, to_timestamp(at / 1000.0), state, reason, $11
      from unnest($1::uuid[], $2::text[], $3::text[], $4::float8[], $5::text[], $6::text[]) as t(event, a, b, at, state, reason)
      on conflict (event) do update set state = excluded.state, reason = excluded.reason`,
      values: [
        plainArray(links.map((one) => one.event)),
        textArray(links.map((one) => one.link!.a)),
        textArray(links.map((one) => one.link!.b)),
        plainArray(links.map((one) => one.at)),
        textArray(links.map((one) => one.link!.state)),
        textArray(links.map((one) => one.link!.reason)),
        plainArray(aparts.map((one) => one.event)),
        textArray(aparts.map((one) => one.apart!.a)),
        textArray(aparts.map((one) => one.apart!.b)),
        plainArray(aparts.map((one) => one.at)),
        batch,
      ],
    });
  await Promise.all([replacing, writing]);
}

/** Links of the neighbourhood whose standing changed because others came before them or went. */
export async function writeLinkStates(
  client: Queryable,
  changed: readonly { event: string; state: string; reason: string | null }[],
): Promise<void> {
  if (changed.length === 0) return;
  await client.query({
    name: 'leadfold-write-link-states',
    text: `update link l set state = t.state, reason = t.reason from unnest($1::uuid[], $2::text[], $3::text[]) as t(event, state, reason)
      where l.event = t.event and (l.state, l.reason) is distinct from (t.state, t.reason)`,
    values: [
      plainArray(changed.map((one) => one.event)),
      textArray(changed.map((one) => one.state)),
      textArray(changed.map((one) => one.reason)),
    ],
  });
}
