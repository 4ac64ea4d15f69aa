import type { Erased } from '#libs/delivery';
import type { Queryable } from '#libs/platform';

/** Runs of an erased person, with the log that says why. After their notices: nothing enrols them again. */
export async function eraseRuns(db: Queryable, { leads, keys, zone }: Erased) {
  const gone = await db.query<{ id: string; day: string; name: string }>(
    `delete from run where lead = any($1::bigint[]) or subject_key = any($2::text[])
     returning id, to_char(entered_at at time zone $3, 'YYYY-MM-DD') as day, scenario || ':' || state as name`,
    [leads, keys, zone],
  );
  const log = await db.query('delete from run_log where run = any($1::uuid[])', [gone.rows.map((row) => row.id)]);
  return { runs: gone.rows, logged: log.rowCount ?? 0 };
}
