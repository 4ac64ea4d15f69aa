import type { Queryable } from '#libs/platform';
import type { StoredRecord, Topic } from './port.js';

/** Marks a record whose content was erased. Its position stays: the log has no gaps. */
export const blankedHeader = 'leadfold-erased';

type Place = StoredRecord & { topic: Topic; partition: number };

const pageSize = 500;

/**
 * Blanks records of the embedded log that hold one of these texts and that `isTheirs` confirms. A Kafka log cannot be
 * changed: there they end with their retention, and the projector drops them until then.
 */
export async function blankRecords(
  db: Queryable,
  texts: readonly string[],
  isTheirs: (record: StoredRecord) => boolean,
): Promise<number> {
  let blanked = 0;
  for (let last: Pick<Place, 'topic' | 'partition' | 'position'> | undefined; ;) {
    const page: { rows: Place[] } = await db.query<Place>(
      `with text as (select lower(encode(convert_to(t, 'UTF8'), 'escape')) as t from unnest($1::text[]) as given(t))
        select topic, partition, position, record_key as key, headers, value from log_record r
        where ($2::text is null or (topic, partition, position) > ($2, $3::int, $4::bigint))
          and exists (select 1 from text where position(text.t in lower(encode(r.value, 'escape'))) > 0)
        order by topic, partition, position limit ${pageSize}`,
      [texts, last?.topic ?? null, last?.partition ?? null, last?.position ?? null],
    );
    const theirs = page.rows.filter(isTheirs);
    const done = await db.query(
      `update log_record r set record_key = null, value = null, headers = jsonb_build_object('${blankedHeader}', '1')
        from unnest($1::text[], $2::int[], $3::bigint[]) as t(topic, partition, position)
        where (r.topic, r.partition, r.position) = (t.topic, t.partition, t.position)`,
      [theirs.map((row) => row.topic), theirs.map((row) => row.partition), theirs.map((row) => row.position)],
    );
    blanked += done.rowCount ?? 0;
    last = page.rows.at(-1);
    if (page.rows.length < pageSize) return blanked;
  }
}
