import { inTransaction, type Pool, type Queryable } from '#libs/platform';
import { deliveryFact } from './commit.store.js';
import { stateLater } from './fact-outbox.store.js';
import type { CreatedDelivery, Delivery, DeliveryState } from './port.js';

/** NOTIFY here when deliveries became due otherwise than by a notice; the sweep runs at once. */
export const dueChannel = 'leadfold_due';

type Ended = Pick<Delivery, 'id' | 'purpose' | 'channel' | 'subjectKey' | 'run' | 'step' | 'attempt' | 'payload'> & {
  state: DeliveryState;
  reason: string | null;
  now: Date;
};
const returning = `returning d.id, d.purpose, d.channel, d.subject_key as "subjectKey", d.run, d.step, d.attempt, d.payload,
  d.state, d.reason, leadfold_now() as now`;

/** Whether there is anything to end or to hand out: one look, where both find nothing on most days. */
export async function anyToSweep(db: Queryable): Promise<boolean> {
  const found = await db.query<{ any: boolean }>({
    name: 'leadfold-any-to-sweep',
    text: `select exists (select 1 from delivery where state = 'sending' and lease_until < clock_timestamp())
      or exists (select 1 from delivery where state = 'pending' and due_at <= leadfold_now())
      or exists (select 1 from delivery where state = 'pending' and limit_at <= leadfold_now()) as any`,
  });
  return found.rows[0]!.any;
}

/**
 * Leases that ran out: their worker died, or lost the database. Before the hand-off nothing was sent: pending again.
 * After it, an alert is sent again with the same id and counted; a nurture mail is held as `unknown`. What is pending
 * past its limit ends. Returns what ended.
 */
export async function sweepLost(pool: Pool): Promise<Ended[]> {
  return inTransaction(pool, async (client) => {
    const swept = await client.query<Ended>(
      `update delivery d set
         state = case when d.handed_off_at is null or d.purpose = 'alert' then 'pending' else 'unknown' end,
         reason = case when d.handed_off_at is not null and d.purpose = 'nurture' then 'worker-died' end,
         repeats = d.repeats + case when d.handed_off_at is not null and d.purpose = 'alert' then 1 else 0 end,
         ended_at = case when d.handed_off_at is not null and d.purpose = 'nurture' then leadfold_now() end,
         handed_off_at = case when d.purpose = 'alert' then null else d.handed_off_at end,
         due_at = least(d.due_at, leadfold_now()), enqueued_at = null, lease_token = null, lease_until = null,
         last_error = 'the lease ran out'
       where d.id in (select id from delivery where state = 'sending' and lease_until < clock_timestamp()
                      order by lease_until limit 500 for update skip locked)
       ${returning}`,
    );
    const past = await client.query<Ended>(
      `update delivery d set state = case d.purpose when 'alert' then 'failed' else 'cancelled' end, reason = 'past-limit',
         ended_at = leadfold_now()
       where d.id in (select id from delivery where state = 'pending' and limit_at <= leadfold_now()
                      order by limit_at limit 500 for update skip locked)
       ${returning}`,
    );
    const ended = [...swept.rows.filter((row) => row.state === 'unknown'), ...past.rows];
    const told = ended.filter((row) => row.state !== 'cancelled');
    await stateLater(
      client,
      told.map((row) => deliveryFact(row, row.state, row.reason, row.now.getTime())),
    );
    return ended;
  });
}

/**
 * Pending, due and not handed out lately: alerts first, whatever the backlog of mails. What was handed out before counts as
 * lost after so long.
 */
export async function takeDue(
  pool: Pool,
  limit: number,
  lostAfterMs: { alert: number; nurture: number },
): Promise<CreatedDelivery[]> {
  const due = async (purpose: 'alert' | 'nurture') => {
    const found = await pool.query<CreatedDelivery>(
      `update delivery d set enqueued_at = clock_timestamp()
       where d.id in (select id from delivery
         where state = 'pending' and purpose = '${purpose}' and due_at <= leadfold_now()
           and (enqueued_at is null or enqueued_at < clock_timestamp() - $2::float8 * interval '1 ms')
         order by due_at limit $1 for update skip locked)
       returning d.id, d.purpose, d.channel, d.attempt, 0 as "dueInMs"`,
      [limit, lostAfterMs[purpose]],
    );
    return found.rows;
  };
  return [...(await due('alert')), ...(await due('nurture'))];
}
