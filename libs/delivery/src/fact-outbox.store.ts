import { topics, type EventLog, type LogRecord, type Topic } from '#libs/event-log';
import { recordOf } from '#libs/leads';
import type { LeadEvent } from '#libs/leads/domain';
import { fp, inTransaction, type Pool, type Queryable } from '#libs/platform';

export const factsChannel = 'leadfold_facts';

/**
 * States facts in the transaction of what they tell about; the fact relay puts them on the log after the commit. For
 * suppression and for what became of deliveries: these take effect in PostgreSQL first.
 */
export async function stateLater(db: Queryable, events: LeadEvent[], topic: Topic = topics.events): Promise<void> {
  if (!events.length) return;
  await db.query(
    `with new as (
       insert into fact_outbox (event, record, created_at)
       select f.event, f.record::jsonb, leadfold_now() from unnest($1::uuid[], $2::text[]) as f(event, record)
       on conflict (event) do nothing returning 1)
     select pg_notify('${factsChannel}', '') from (select count(*) n from new) c where c.n > 0`,
    [events.map((event) => event.id), events.map((event) => JSON.stringify(recordOf(event, topic)))],
  );
}

/** Puts one batch of waiting facts on the log. True when there may be more. Throws while the log does not take them. */
export async function relayFacts(pool: Pool, log: EventLog, batch = 500): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const waiting = await client.query<{ id: number; record: LogRecord }>(
      'select id, record from fact_outbox where sent_at is null order by id limit $1 for update skip locked',
      [batch],
    );
    if (!waiting.rows.length) return false;
    const { acked, error } = await log.append(waiting.rows.map((row) => row.record));
    fp('worker.after_facts');
    const sent = waiting.rows.filter((_, i) => acked[i]).map((row) => row.id);
    await client.query('update fact_outbox set sent_at = leadfold_now() where id = any($1::bigint[])', [sent]);
    // what was acked is marked even so; the rest is stated again under the same ids
    if (!sent.length) throw new Error('the event log does not take facts', { cause: error });
    return waiting.rows.length === batch || sent.length < waiting.rows.length;
  });
}
