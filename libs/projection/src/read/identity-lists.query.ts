import type { JsonObject, SubjectKey } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';

export interface ListCursor {
  /** ms. */
  at: number;
  event: string;
}

interface Stated {
  event: string;
  a: SubjectKey;
  b: SubjectKey;
  at: number;
  source: string;
  type: string;
  properties: JsonObject;
}
export type ApartPair = Stated;
export type SkippedLinkRow = Stated & { reason: 'key-limit' | 'browser-limit' | 'apart' };

const before = `($1::float8 is null or (t.at, t.event) < (to_timestamp($1 / 1000.0), $2::uuid))`;
const columns = `t.event, t.a, t.b, (extract(epoch from t.at) * 1000)::bigint as at, e.source, e.type, e.body->'properties' as properties`;

/** Pairs that are held apart today, newest first. */
export const listAparts = async (db: Queryable, limit: number, after: ListCursor | undefined): Promise<ApartPair[]> =>
  (
    await db.query<ApartPair>(
      `select ${columns} from apart t join event e on e.id = t.event where ${before} order by t.at desc, t.event desc limit $3`,
      [after?.at ?? null, after?.event ?? null, limit],
    )
  ).rows;

/**
 * Links that would have made too large a person, or joined two who are held apart, and who was said to be on browsers that
 * are nobody's; newest first. An event may have two rows; what it has comes whole, also past `limit`.
 */
export const listSkippedLinks = async (
  db: Queryable,
  limit: number,
  after: ListCursor | undefined,
): Promise<SkippedLinkRow[]> =>
  (
    await db.query<SkippedLinkRow>(
      `select ${columns}, t.reason from (
          (select t.event, t.a, t.b, t.at, t.reason from link t where t.state = 'skipped' and ${before} order by t.at desc, t.event desc limit $3)
          union all (select t.event, 'a:' || t.anon, t.strong, t.at, 'browser-limit' from skipped_identification t where ${before}
            order by t.at desc, t.event desc fetch first $3 rows with ties)) t
        join event e on e.id = t.event order by t.at desc, t.event desc fetch first $3 rows with ties`,
      [after?.at ?? null, after?.event ?? null, limit],
    )
  ).rows;

/** How many links, and identifications of browsers, are skipped today, by reason. */
export async function countSkippedLinks(db: Queryable): Promise<Record<SkippedLinkRow['reason'], number>> {
  const { rows } = await db.query<{ reason: SkippedLinkRow['reason']; links: number }>(
    `select reason, count(*)::int as links from link where state = 'skipped' group by reason
      union all select 'browser-limit', count(*)::int from skipped_identification`,
  );
  return {
    'key-limit': 0,
    'browser-limit': 0,
    apart: 0,
    ...Object.fromEntries(rows.map(({ reason, links }) => [reason, links])),
  };
}
