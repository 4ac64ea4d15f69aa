import { recordOf } from '#libs/leads';
import { fieldsOfKey, type JsonObject, type LeadEvent } from '#libs/leads/domain';
import { derivedId, type Queryable } from '#libs/platform';
import { factsChannel } from './fact-outbox.store.js';
import type { Delivery, DeliveryState } from './port.js';

export interface Ending {
  delivery: Delivery;
  state: Extract<DeliveryState, 'pending' | 'sent' | 'failed' | 'unknown'>;
  reason: string | null;
  error: string | null;
  providerId: string | null;
  /** state `pending`: the wait before the next attempt. */
  afterMs: number;
  /** The database's time when it ended, ms. */
  at: number;
}

/** Ends attempts, many in one statement; what became of them goes to the log through `fact_outbox` in that statement. False: the lease was lost and nothing changed (I25). */
export async function commitEndings(db: Queryable, endings: Ending[]): Promise<boolean[]> {
  const facts = endings.map((e) => (e.state === 'pending' ? null : deliveryFact(e.delivery, e.state, e.reason, e.at)));
  const done = await db.query<{ id: string }>(
    `with ended as (
       update delivery d set state = c.state, reason = c.reason, last_error = c.error, provider_id = c.provider,
         due_at = case when c.state = 'pending' then leadfold_now() + c.after_ms * interval '1 ms' else d.due_at end,
         -- what the hand-out leaves to the sweep was not handed out
         enqueued_at = case when c.state <> 'pending' or c.after_ms < 60000 then clock_timestamp() end,
         handed_off_at = case when c.state = 'pending' then null else d.handed_off_at end,
         ended_at = case when c.state = 'pending' then null else leadfold_now() end,
         lease_token = null, lease_until = null
       from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::uuid[], $9::text[])
         as c(id, token, state, reason, error, provider, after_ms, event, record)
       where d.id = c.id and d.lease_token = c.token and d.state || '' = 'sending'
       returning d.id, c.event, c.record
     ), fact as (
       insert into fact_outbox (event, record, created_at)
       select event, record::jsonb, leadfold_now() from ended where event is not null
       on conflict (event) do nothing returning 1
     ), told as (
       select pg_notify('${factsChannel}', '') from (select count(*) n from fact) f where f.n > 0
     )
     select id, (select count(*) from told) as told from ended`,
    [
      endings.map((e) => e.delivery.id),
      endings.map((e) => e.delivery.leaseToken),
      endings.map((e) => e.state),
      endings.map((e) => e.reason),
      endings.map((e) => e.error?.slice(0, 500) ?? null),
      endings.map((e) => e.providerId),
      endings.map((e) => e.afterMs),
      facts.map((f) => f?.id ?? null),
      facts.map((f) => (f ? JSON.stringify(recordOf(f)) : null)),
    ],
  );
  const ids = new Set(done.rows.map((row) => row.id));
  return endings.map((e) => ids.has(e.delivery.id));
}

type Told = Pick<Delivery, 'id' | 'purpose' | 'channel' | 'subjectKey' | 'step' | 'attempt' | 'payload'>;

/** What became of a delivery, as the lead's event. */
export function deliveryFact(delivery: Told, state: string, reason: string | null, at: number): LeadEvent {
  const properties: JsonObject = { deliveryId: delivery.id, purpose: delivery.purpose, channel: delivery.channel };
  if (typeof delivery.payload['scenario'] === 'string') properties['scenario'] = delivery.payload['scenario'];
  if (delivery.step !== null) properties['step'] = delivery.step;
  if (reason !== null) properties['reason'] = reason;
  return {
    id: derivedId('delivery', delivery.id, state, delivery.attempt),
    type: 'delivery',
    source: 'worker',
    occurredAt: at,
    receivedAt: at,
    ...fieldsOfKey(delivery.subjectKey),
    name: state,
    properties,
  };
}
