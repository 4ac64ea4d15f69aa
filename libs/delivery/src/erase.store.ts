import type { Queryable } from '#libs/platform';

/** By what an erased person's rows are found; the lead itself is gone already. */
export interface Erased {
  leads: readonly number[];
  keys: readonly string[];
  emails: readonly string[];
  /** Days are counted in it. */
  zone: string;
}

/** First of all: a notice that is being taken is waited for, and none is left to be taken. */
export async function eraseNotices(db: Queryable, { leads, keys }: Erased): Promise<number> {
  const gone = await db.query('delete from outbox where lead = any($1::bigint[]) or subject_key = any($2::text[])', [
    leads,
    keys,
  ]);
  return gone.rowCount ?? 0;
}

/**
 * Recipient, content and outcome. One that is with the mail server now cannot be called back; its worker finds no row and
 * states nothing. Alerts that went to a salesperson's address about others stay.
 */
export async function eraseDeliveries(db: Queryable, { leads, keys, emails, zone }: Erased) {
  const gone = await db.query<{ id: string; day: string; name: string; crossing: string | null }>(
    `delete from delivery where lead = any($1::bigint[]) or subject_key = any($2::text[]) or (purpose = 'nurture' and recipient = any($3::text[]))
     returning id, crossing, to_char(created_at at time zone $4, 'YYYY-MM-DD') as day, purpose || ':' || channel || ':' || state as name`,
    [leads, keys, emails, zone],
  );
  const crossings = gone.rows.flatMap(({ crossing }) => crossing ?? []);
  await db.query('delete from alert_release where crossing = any($1::uuid[])', [crossings]);
  return gone.rows;
}

/** Facts on their way to the log, and those that went: a record that is being sent is waited for, the projector drops it. */
export async function eraseFacts(db: Queryable, { keys, emails }: Erased): Promise<number> {
  const bare = (sort: string): string[] => keys.filter((key) => key.startsWith(sort)).map((key) => key.slice(2));
  const gone = await db.query(
    `delete from fact_outbox where id in (
       select f.id from fact_outbox f cross join lateral (select (f.record ->> 'value')::jsonb as fact) said
       where f.record ->> 'key' = any($1::text[]) or fact ->> 'email' = any($2::text[]) or fact ->> 'userId' = any($3::text[])
         or fact ->> 'anonymousId' = any($4::text[]) or fact ->> 'otherKey' = any($5::text[]))`,
    [keys.map((key) => key.slice(2)), emails, bare('u:'), bare('a:'), keys],
  );
  return gone.rowCount ?? 0;
}
