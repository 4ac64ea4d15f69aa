import type { Queryable } from '#libs/platform';

export type Counted = {
  day: string;
  measure: 'fact' | 'decision' | 'run' | 'delivery' | 'lead' | 'visitor';
  name: string;
};

/** How much there was of somebody who is no longer there, by day and without a name: what was counted once keeps adding up. */
export async function countErased(db: Queryable, counted: readonly Counted[]): Promise<void> {
  if (counted.length === 0) return;
  await db.query(
    `insert into erased_count (day, measure, name, n)
     select day, measure, name, count(*) from unnest($1::date[], $2::text[], $3::text[]) as t(day, measure, name) group by 1, 2, 3 order by 1, 2, 3
     on conflict (day, measure, name) do update set n = erased_count.n + excluded.n`,
    [counted.map((one) => one.day), counted.map((one) => one.measure), counted.map((one) => one.name)],
  );
}
