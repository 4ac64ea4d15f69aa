import type { AccountKey } from '#libs/leads/domain';
import { databaseNow, inTransaction, type Pool, type PoolClient, type Queryable } from '#libs/platform';
import {
  CompanyFacts,
  heldOfCompany,
  joinMeasured,
  lookOf,
  measureMembers,
  type AccountMember,
  type AwaitedConditions,
  type MeasuredMembers,
} from '../domain/index.js';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import {
  dueAccounts,
  lockAccounts,
  readMembers,
  readUnsettled,
  takeMarks,
  writeAccounts,
  type AccountRow,
} from '../store/account.store.js';
import { readAwaited } from '../store/listener.store.js';
import { noticeOf, writeCompanyNotices, type CompanyNotice } from './company-notices.js';
import { repeating } from './sweep.projection.js';

const mostDue = 200;
const nothing: AwaitedConditions = { names: [], conditions: [] };

/**
 * Looks again at companies a lead of which was written, and at those whose next change has come. Nothing is decided: the
 * rows are what lists are sorted by, and whoever reads one company looks at its members himself. Runs that wait for
 * something about a company are woken when it flips. Returns how many it looked at.
 */
export async function reviewAccounts(pool: Pool, context: ProjectionContext): Promise<number> {
  // each in a transaction of its own: two locks of rows in different orders would wait for each other
  const marked = await review(pool, context, takeMarks);
  return marked + (await review(pool, context, (client) => dueAccounts(client, mostDue)));
}

function review(
  pool: Pool,
  context: ProjectionContext,
  take: (client: PoolClient) => Promise<AccountKey[]>,
): Promise<number> {
  return repeating(() =>
    inTransaction(pool, async (client) => {
      const keys = await take(client);
      if (keys.length === 0) return 0;
      const last = await lockAccounts(client, keys);
      const rulebook = await liveVersion(client, context);
      const awaited = (await readAwaited(client, rulebook))?.ofCompanies ?? nothing;
      // asked before the members are read: whoever settles one later marks its company again
      const unsettled = awaited.names.length > 0 ? await readUnsettled(client, keys, rulebook.version) : new Set();
      // a statement of its own after the locks: it sees what was committed by whoever held them
      const members = await readMembers(client, keys);
      const now = (await databaseNow(client)).getTime();
      const rows: AccountRow[] = [];
      const notices: CompanyNotice[] = [];
      for (const key of keys) {
        const facts = await factsInParts(members.get(key)!, rulebook, now);
        const look = lookOf(facts, awaited.conditions);
        const before = last.get(key)?.held ?? null;
        // between two rulebooks nothing is told: some of its people are still counted by the one before
        const held = unsettled.has(key) ? before : heldOfCompany(awaited, facts);
        rows.push({ key, look, held });
        if (!unsettled.has(key)) notices.push(...noticeOf(key, facts, awaited.names, before, held!));
      }
      await writeAccounts(client, rows, now);
      await writeCompanyNotices(client, notices, now);
      return keys.length;
    }),
  );
}

const part = 50;

/** Batches go on between two parts. */
async function factsInParts(members: readonly AccountMember[], rulebook: Rulebook, now: number): Promise<CompanyFacts> {
  if (members.length <= part) return new CompanyFacts(members, rulebook, now);
  const measured: MeasuredMembers[] = [];
  for (let from = 0; from < members.length; from += part) {
    measured.push(measureMembers(members.slice(from, from + part), rulebook, now));
    await new Promise((turn) => setImmediate(turn));
  }
  return new CompanyFacts(members, rulebook, now, joinMeasured(measured));
}

async function liveVersion(db: Queryable, context: ProjectionContext): Promise<Rulebook> {
  const live = await db.query<{ version: number }>('select version from rulebook_publish order by id desc limit 1');
  return context.rulebook(db, live.rows[0]!.version);
}
