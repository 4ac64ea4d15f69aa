import type { Identification, SubjectKey } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { plainArray, textArray } from './arrays.js';
import type { KeyPlace, StatedIdentity } from './identity.store.js';

/** A browser that too many people have identified, as far as has to be known. */
export interface Crowd {
  anon: string;
  /** Where they were counted: all of its people without the events that go, or of more than the limit one more than that. */
  left: SubjectKey[] | undefined;
}

export interface CrowdQuestion {
  browsers: readonly string[];
  /** Those of the browsers whose people are counted. */
  counting: readonly string[];
  /** Events that are left out. */
  gone: readonly string[];
}

/**
 * Which of these browsers are nobody's. People are counted in steps from one to the next, so that what is read depends on the
 * limit and on the events that go, never on how many people there are.
 */
export async function readCrowds(
  db: Queryable,
  { browsers, counting, gone }: CrowdQuestion,
  browserLimit: number,
): Promise<Crowd[]> {
  if (browsers.length === 0) return [];
  const next = (anon: string, which: string) =>
    `(select s.strong from skipped_identification s where s.anon = ${anon} and ${which} and s.event <> all($3::uuid[]) order by s.strong limit 1)`;
  const result = await db.query<{ anon: string; left: SubjectKey[] | null }>({
    name: 'leadfold-read-crowds',
    text: `with recursive crowd as (
        select t.anon from unnest($1::text[]) as t(anon) where exists (select 1 from skipped_identification s where s.anon = t.anon)),
      who(anon, strong, nth) as (
        select c.anon, first.strong, 1 from crowd c cross join lateral ${next('c.anon', 'c.anon = any($2::text[])')} as first
        union all
        select w.anon, other.strong, w.nth + 1 from who w cross join lateral ${next('w.anon', 's.strong > w.strong')} as other where w.nth <= $4)
      select c.anon, array_agg(w.strong) as left from crowd c left join who w on w.anon = c.anon group by c.anon`,
    values: [textArray(browsers), textArray(counting), plainArray(gone), browserLimit],
  });
  const asked = new Set(counting);
  return result.rows.map(({ anon, left }) => ({
    anon,
    left: asked.has(anon) ? (left ?? []).filter((strong) => strong !== null) : undefined,
  }));
}

export type SkippedIdentification = Identification & { anon: string; owner: KeyPlace };

/** Everything that was said about browsers that few enough people are left on, and where these people are. */
export async function readSkipped(db: Queryable, anons: readonly string[]): Promise<SkippedIdentification[]> {
  if (anons.length === 0) return [];
  const result = await db.query<Identification & { anon: string; lead: number; root: number; version: number }>({
    name: 'leadfold-read-skipped',
    text: `select i.anon, (extract(epoch from i.at) * 1000)::bigint as at, i.event, i.strong, s.lead, r.id as root, r.version
      from unnest($1::text[]) as t(anon) join skipped_identification i on i.anon = t.anon join subject_key s on s.key = i.strong
      join lead l on l.id = s.lead join lead r on r.id = coalesce(l.merged_into, l.id)`,
    values: [textArray(anons)],
  });
  return result.rows.map(({ lead, root, version, ...row }) => ({
    ...row,
    owner: { key: row.strong, lead, root, version },
  }));
}

/** Puts what these events say about browsers that are nobody's in the place of what they said. Others' rows are only taken away. */
export async function writeSkipped(
  client: Queryable,
  batch: number,
  stated: readonly StatedIdentity[],
  nobodys: ReadonlySet<string>,
): Promise<void> {
  const rows = stated.flatMap(({ event, at, identifications }) =>
    identifications.filter(({ anon }) => nobodys.has(anon)).map((one) => ({ ...one, event, at })),
  );
  await client.query({
    name: 'leadfold-replace-skipped',
    text: `with gone as (
        delete from skipped_identification s using unnest($1::uuid[]) as t(event) where s.event = t.event
          and not exists (select 1 from unnest($2::text[], $4::uuid[]) as n(anon, event) where n.anon = s.anon and n.event = s.event))
      insert into skipped_identification (anon, at, event, strong, batch)
      select anon, to_timestamp(at / 1000.0), event, strong, $6 from unnest($2::text[], $3::float8[], $4::uuid[], $5::text[]) as t(anon, at, event, strong)
      on conflict do nothing`,
    values: [
      plainArray(stated.map((one) => one.event)),
      textArray(rows.map((one) => one.anon)),
      plainArray(rows.map((one) => one.at)),
      plainArray(rows.map((one) => one.event)),
      textArray(rows.map((one) => one.strong)),
      batch,
    ],
  });
}

const moving = (from: string, to: string): string => `with moved as (
    delete from ${from} i using unnest($1::text[]) as t(anon) where i.anon = t.anon returning i.anon, i.at, i.event, i.strong, i.batch)
  insert into ${to} (anon, at, event, strong, batch) select anon, at, event, strong, batch from moved on conflict do nothing`;

/** These browsers are nobody's from now on. */
export const skipBrowsers = async (client: Queryable, anons: readonly string[]): Promise<void> => {
  if (anons.length > 0)
    await client.query({
      name: 'leadfold-skip-browsers',
      text: moving('identification', 'skipped_identification'),
      values: [textArray(anons)],
    });
};

/** Few enough people are left on these browsers. */
export const takeBackBrowsers = async (client: Queryable, anons: readonly string[]): Promise<void> => {
  if (anons.length > 0)
    await client.query({
      name: 'leadfold-take-back-browsers',
      text: moving('skipped_identification', 'identification'),
      values: [textArray(anons)],
    });
};
