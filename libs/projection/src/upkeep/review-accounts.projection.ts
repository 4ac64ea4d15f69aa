import { databaseNow, inTransaction, type Pool, type Queryable } from '#libs/platform';
import {
  joinMeasured,
  lookAtAccount,
  measureMembers,
  type AccountLook,
  type AccountMember,
  type MeasuredMembers,
} from '../domain/index.js';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import {
  dueAccounts,
  lockAccounts,
  readMembers,
  takeMarks,
  writeAccounts,
  type AccountRow,
} from '../store/account.store.js';
import { repeating } from './sweep.projection.js';

const mostDue = 200;

/**
 * Looks again at companies a lead of which was written, and at those whose next change has come. Nothing is decided and
 * nobody is told: the rows are what lists are sorted by, and whoever reads one company looks at its members himself.
 * Returns how many it looked at.
 */
export function reviewAccounts(pool: Pool, context: ProjectionContext): Promise<number> {
  return repeating(() =>
    inTransaction(pool, async (client) => {
      const marked = await takeMarks(client);
      const keys = [...new Set([...marked, ...(marked.length === 0 ? await dueAccounts(client, mostDue) : [])])];
      if (keys.length === 0) return 0;
      await lockAccounts(client, keys);
      // a statement of its own after the locks: it sees what was committed by whoever held them
      const members = await readMembers(client, keys);
      const rulebook = await liveVersion(client, context);
      const now = (await databaseNow(client)).getTime();
      const rows: AccountRow[] = [];
      for (const key of keys) rows.push({ key, look: await lookInParts(members.get(key)!, rulebook, now) });
      await writeAccounts(client, rows, now);
      return keys.length;
    }),
  );
}

const part = 50;

/** Batches go on between two parts. */
async function lookInParts(members: readonly AccountMember[], rulebook: Rulebook, now: number): Promise<AccountLook> {
  if (members.length <= part) return lookAtAccount(members, rulebook, now);
  const measured: MeasuredMembers[] = [];
  for (let from = 0; from < members.length; from += part) {
    measured.push(measureMembers(members.slice(from, from + part), rulebook, now));
    await new Promise((turn) => setImmediate(turn));
  }
  return lookAtAccount(members, rulebook, now, joinMeasured(measured));
}

async function liveVersion(db: Queryable, context: ProjectionContext): Promise<Rulebook> {
  const live = await db.query<{ version: number }>('select version from rulebook_publish order by id desc limit 1');
  return context.rulebook(db, live.rows[0]!.version);
}
