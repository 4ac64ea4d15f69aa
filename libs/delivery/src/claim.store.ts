import { newId, type Pool } from '#libs/platform';
import type { Delivery, MailPolicy, SendGate } from './port.js';

export type Claim =
  | { kind: 'claimed'; delivery: Delivery }
  /** The gate refused: the row is suppressed, or due later. */
  | {
      kind: 'refused';
      run: string | null;
      step: string | null;
      reason: string;
      laterInMs: number | null;
      attempt: number;
    }
  /** Not pending, not due, or in other hands. */
  | { kind: 'none' };

interface ClaimedRow extends Omit<Delivery, 'claimedAt'> {
  refusal: string | null;
  laterInMs: number | null;
  now: Date;
}

const noGate: Pick<SendGate, 'once' | 'sql'> = { sql: 'select null::text as refusal, null::timestamptz as until' };

// `state || ''`: no index of all that is pending fits it, so that a plan made while the table was empty looks up the ids
const claimSql = (gate: { once?: string; sql: string }, own: string): string => `with clock as materialized (
     select leadfold_now() as now
   ), once as materialized (
     ${gate.once ?? 'select'}
   ), due as materialized (
     select d.* from delivery d
     where d.id = any($1::uuid[]) and ${own}
       and d.state || '' = 'pending' and d.due_at <= (select now from clock) and d.limit_at > (select now from clock)
     order by d.id for update skip locked
   ), ranked as (
     select *, row_number() over (partition by purpose, recipient order by id) as nth from due
   ), judged as (
     select d.id, case when s.hash is not null then 'suppressed-' || s.reason else g.refusal end as refusal,
       case when s.hash is null then g.until end as until
     from ranked d
     left join suppression s on d.channel = 'email' and s.hash = encode(sha256(convert_to(d.recipient, 'UTF8')), 'hex')
     left join lateral (${gate.sql}) g on d.purpose = 'nurture'
     -- caps count what was sent before: two mails to one person never pass the gate together
     where d.purpose = 'alert' or d.nth = 1
   ), left_over as (
     -- handed out again by the next sweep
     update delivery d set enqueued_at = null from ranked r where d.id = r.id and r.purpose <> 'alert' and r.nth > 1
   )
   update delivery d set
     state = case when j.refusal is null then 'sending' when j.until is null then 'suppressed' else 'pending' end,
     reason = case when j.refusal is null or j.until is null then j.refusal end,
     due_at = coalesce(j.until, d.due_at),
     limit_at = case when j.until is null then d.limit_at else greatest(d.limit_at, j.until + (d.limit_at - d.due_at)) end,
     enqueued_at = case when j.until is null then d.enqueued_at end,
     ended_at = case when j.refusal is not null and j.until is null then (select now from clock) end,
     attempt = d.attempt + case when j.refusal is null then 1 else 0 end,
     lease_token = case when j.refusal is null then $2::uuid end,
     lease_until = case when j.refusal is null then clock_timestamp() + $3::float8 * interval '1 ms' end
   from judged j where d.id = j.id and $4::jsonb is not null
   returning d.id, d.key, d.purpose, d.channel, d.lead, d.subject_key as "subjectKey", d.recipient, d.run, d.step,
     d.crossing, d.attempt, d.repeats, d.payload, d.created_at as "createdAt", d.lease_token as "leaseToken",
     j.refusal, (select now from clock) as now,
     (extract(epoch from j.until - (select now from clock)) * 1000)::float8 as "laterInMs"`;

/**
 * `pending → sending` with a lease, for many deliveries in one statement, and the gate within it: an address suppressed,
 * a consent withdrawn before this statement began is seen by it (I22, I23). Leases are technical and run on the real
 * clock of the database; a driven clock that jumps takes none away. `only: 'alert'` takes no mail of nurture, whose gate
 * it therefore leaves out.
 */
export async function claim(
  pool: Pool,
  ids: string[],
  leaseMs: number,
  policy?: MailPolicy,
  only?: 'alert',
): Promise<Claim[]> {
  const { once, sql } = policy?.gate ?? noGate;
  const withPolicy = (text: string) => text.replaceAll('$policy', '$4::jsonb');
  const gate = { once: once && withPolicy(once), sql: withPolicy(sql) };
  const token = newId();
  const result = await pool.query<ClaimedRow>(
    only === 'alert' ? claimSql(noGate, "d.purpose = 'alert'") : claimSql(gate, 'true'),
    [ids, token, leaseMs, JSON.stringify(policy?.gate.policy ?? {})],
  );
  const rows = new Map(result.rows.map((row) => [row.id, row]));
  return ids.map((id) => {
    const row = rows.get(id);
    if (!row) return { kind: 'none' };
    // asked for twice in one statement, it still has one holder
    rows.delete(id);
    const { refusal, laterInMs, now, ...delivery } = row;
    if (refusal !== null)
      return { kind: 'refused', run: row.run, step: row.step, reason: refusal, laterInMs, attempt: row.attempt };
    return { kind: 'claimed', delivery: { ...delivery, claimedAt: now.getTime() } };
  });
}

/**
 * Marks the hand-off: from here on a death means "may have been received". The lease begins anew, because rendering and
 * connecting took some of it. False: the lease is lost, do not send (I25).
 */
export async function markHandedOff(
  pool: Pool,
  held: { id: string; leaseToken: string }[],
  leaseMs: number,
): Promise<boolean[]> {
  const marked = await pool.query<{ id: string }>(
    `update delivery d set handed_off_at = leadfold_now(), lease_until = clock_timestamp() + $3::float8 * interval '1 ms'
     from unnest($1::uuid[], $2::uuid[]) as h(id, token)
     where d.id = h.id and d.lease_token = h.token and d.state || '' = 'sending' and d.lease_until > clock_timestamp()
     returning d.id`,
    [held.map((h) => h.id), held.map((h) => h.leaseToken), leaseMs],
  );
  const ids = new Set(marked.rows.map((row) => row.id));
  return held.map((h) => ids.has(h.id));
}
