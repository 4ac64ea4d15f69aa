import { createHash } from 'node:crypto';
import { stateLater } from '#libs/delivery';
import { normalizeEmail, type LeadEvent } from '#libs/leads/domain';
import { audit, databaseNow, derivedId, inTransaction, type Pool, type Queryable } from '#libs/platform';

export type SuppressionReason = 'unsubscribe' | 'complaint' | 'bounce' | 'erasure' | 'operator';

export interface Suppress {
  email: string;
  /** An erasure states nothing on the log: `suppressErased`. */
  reason: Exclude<SuppressionReason, 'erasure'>;
  /** Who states it on the log: `api` or `worker`. */
  source: 'api' | 'worker';
}

/** What stays of an erased person; also what the send gate compares. */
export const addressHash = (email: string): string => createHash('sha256').update(normalizeEmail(email)).digest('hex');

/** In the caller's transaction. True when the address was not suppressed before, or only by its own wish. */
export async function suppressIn(db: Queryable, { email, reason, source }: Suppress): Promise<boolean> {
  const address = normalizeEmail(email);
  const now = await databaseNow(db);
  const event = derivedId('suppression', addressHash(address), reason, now.toISOString());
  const written = await db.query(
    `insert into suppression (hash, address, reason, event, at) values ($1, $2, $3, $4, $5)
     on conflict (hash) do update set reason = excluded.reason, event = excluded.event, at = excluded.at, address = excluded.address
       where suppression.reason = 'unsubscribe' and excluded.reason <> 'unsubscribe'
     returning 1`,
    [addressHash(address), address, reason, event, now],
  );
  if (!written.rowCount) return false;
  await stateLater(db, [suppressionEvent(event, address, reason, source, now.getTime())]);
  // what waits would be refused at the claim anyway; cancelled, it says so at once
  await db.query(
    `update delivery set state = 'cancelled', reason = 'suppressed-' || $2, ended_at = leadfold_now()
     where recipient = $1 and purpose = 'nurture' and state = 'pending'`,
    [address, reason],
  );
  await db.query(
    `update run set due_at = leadfold_now(), enqueued_at = null where id in (
       select r.id from run r
       where r.state = 'active' and r.lead in (
         select member.id from subject_key k
         join lead own on own.id = k.lead
         join lead member on coalesce(member.merged_into, member.id) = coalesce(own.merged_into, own.id)
         where k.key = $1)
       order by r.id for update)`,
    [`e:${address}`],
  );
  return true;
}

/** What stays of an erased person: the hash, so that nothing goes to the address even after a new list brought it back. */
export async function suppressErased(db: Queryable, emails: readonly string[], erasure: string): Promise<void> {
  await db.query(
    `insert into suppression (hash, address, reason, event, at)
     select hash, null, 'erasure', $2::uuid, leadfold_now() from unnest($1::text[]) as t(hash)
     on conflict (hash) do update set address = null, reason = excluded.reason, event = excluded.event, at = excluded.at`,
    [[...new Set(emails.map(addressHash))], erasure],
  );
}

/** An operator's word that somebody who was erased came back and may be written to. False where there was no erasure. */
export const liftErasure = (pool: Pool, email: string, actor: string): Promise<boolean> =>
  inTransaction(pool, async (client) => {
    const hash = addressHash(email);
    const gone = await client.query("delete from suppression where hash = $1 and reason = 'erasure'", [hash]);
    if (gone.rowCount) await audit(client, { actor, action: 'suppression.lift', target: hash });
    return gone.rowCount === 1;
  });

export const suppress = (pool: Pool, wish: Suppress): Promise<boolean> =>
  inTransaction(pool, (client) => suppressIn(client, wish));

/** Only the person's own wish can be taken back, by the person. True when the address may be mailed again. */
export async function resubscribe(pool: Pool, email: string, source: 'api'): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const address = normalizeEmail(email);
    const gone = await client.query("delete from suppression where hash = $1 and reason = 'unsubscribe'", [
      addressHash(address),
    ]);
    if (!gone.rowCount) return false;
    const now = await databaseNow(client);
    const id = derivedId('resubscribe', addressHash(address), now.toISOString());
    await stateLater(client, [
      {
        id,
        type: 'consent',
        source,
        occurredAt: now.getTime(),
        receivedAt: now.getTime(),
        email: address,
        name: 'granted',
        properties: { purpose: 'marketing', basis: 'opt-in', wording: 'unsubscribe-page' },
      },
    ]);
    return true;
  });
}

/** An operator's word has no name of its own on the log: to the lead it is an unsubscription. */
function suppressionEvent(
  id: string,
  email: string,
  reason: Suppress['reason'],
  source: string,
  at: number,
): LeadEvent {
  const name = reason === 'operator' ? 'unsubscribe' : reason;
  return {
    id,
    type: 'suppression',
    source,
    occurredAt: at,
    receivedAt: at,
    email,
    name,
    properties: reason === 'operator' ? { by: 'operator' } : {},
  };
}
