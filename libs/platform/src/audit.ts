import type { Queryable } from './database.js';

/** S10: one row per privileged change, written in the transaction of that change. `actor` is a key's name and id, or `system`. */
export async function audit(
  db: Queryable,
  entry: { actor: string; action: string; target: string; details?: object },
): Promise<void> {
  await db.query('insert into audit_log (actor, action, target, details) values ($1, $2, $3, $4)', [
    entry.actor,
    entry.action,
    entry.target,
    JSON.stringify(entry.details ?? {}),
  ]);
}
