import { derivedId, type Queryable } from '#libs/platform';
import type { CreatedDelivery, NewDelivery } from './port.js';

const dayMs = 24 * 3_600_000;

/** Its key decides a delivery's id: made twice, it is the same delivery. */
export const deliveryIdOf = (key: string): string => derivedId('delivery-id', key);

/**
 * Inserts deliveries, at most one per key for ever. Returns those that are new and wait to be sent; hand them out after
 * the commit (`HandOut.add`). Forgetting to costs seconds: the sweep finds them.
 */
export async function createDeliveries(db: Queryable, deliveries: NewDelivery[]): Promise<CreatedDelivery[]> {
  if (!deliveries.length) return [];
  const rows = deliveries.map((d) => ({
    id: deliveryIdOf(d.key),
    key: d.key,
    purpose: d.purpose,
    channel: d.channel,
    lead: d.lead,
    subject_key: d.subjectKey,
    recipient: d.recipient ?? null,
    run: d.run ?? null,
    step: d.step ?? null,
    crossing: d.crossing ?? null,
    reason: d.suppressed ?? null,
    due_at: d.dueAt?.toISOString() ?? null,
    limit_ms: d.limitMs ?? dayMs,
    payload: d.payload,
  }));
  const created = await db.query<CreatedDelivery & { state: string }>(
    `with now as materialized (select leadfold_now() as at)
     insert into delivery (id, key, purpose, channel, lead, subject_key, recipient, run, step, crossing,
       state, reason, due_at, limit_at, enqueued_at, ended_at, payload, created_at)
     select r.id, r.key, r.purpose, r.channel, r.lead, r.subject_key, r.recipient, r.run, r.step, r.crossing,
       case when r.reason is null then 'pending' else 'suppressed' end, r.reason,
       coalesce(r.due_at, now.at), coalesce(r.due_at, now.at) + r.limit_ms * interval '1 ms',
       case when coalesce(r.due_at, now.at) <= now.at then clock_timestamp() end,
       case when r.reason is not null then now.at end, r.payload, now.at
     from now, jsonb_to_recordset($1::jsonb) as r(id uuid, key text, purpose text, channel text, lead bigint,
       subject_key text, recipient text, run uuid, step text, crossing uuid, reason text, due_at timestamptz,
       limit_ms bigint, payload jsonb)
     on conflict (key) do nothing
     returning id, purpose, channel, attempt, state,
       (extract(epoch from due_at - leadfold_now()) * 1000)::float8 as "dueInMs"`,
    [JSON.stringify(rows)],
  );
  return created.rows.filter((row) => row.state === 'pending').map(({ state: _, ...row }) => row);
}

/**
 * Lets deliveries of these crossings go that were born suppressed for this reason: the same rows under the same ids and
 * keys, so that each is sent at most once (I17). Returns how many; wake the sweep (`dueChannel`) after the commit.
 */
export async function releaseSuppressed(db: Queryable, crossings: readonly string[], reason: string): Promise<number> {
  const released = await db.query(
    `update delivery set state = 'pending', reason = null, ended_at = null, enqueued_at = null,
       due_at = leadfold_now(), limit_at = leadfold_now() + $3 * interval '1 ms'
     where crossing = any($1::uuid[]) and state = 'suppressed' and reason = $2 and attempt = 0`,
    [crossings, reason, dayMs],
  );
  return released.rowCount ?? 0;
}
