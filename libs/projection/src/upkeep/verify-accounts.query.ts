import { isDeepStrictEqual } from 'node:util';
import type { AccountKey } from '#libs/leads/domain';
import type { PoolClient, Queryable } from '#libs/platform';
import { lookAtAccount, type AccountLook } from '../domain/index.js';
import type { ProjectionContext } from '../projection-context.js';
import { plainArray, textArray } from '../store/arrays.js';
import { readMembers, readUnsettled } from '../store/account.store.js';
import type { CellDifference } from './state-differences.js';

export interface AccountDifference {
  account: AccountKey;
  cells: CellDifference[];
}

export interface AccountsReport {
  accounts: number;
  accountDifferences: AccountDifference[];
  /** A lead of theirs was written and they were not looked at again yet. */
  accountsPending: AccountKey[];
}

type Row = Omit<AccountLook, 'nextChangeAt'> & {
  key: AccountKey;
  nextChangeAt: number | null;
  lookedAt: number | null;
};

/** Companies that have a row or ought to have one; without leads all of them. */
export async function accountsOf(db: Queryable, leads: readonly number[] | undefined): Promise<AccountKey[]> {
  const found = await db.query<{ key: AccountKey }>(
    `select account as key from lead_rank where account is not null and ($1::bigint[] is null or lead = any($1::bigint[]))
      union select key from account where $1::bigint[] is null order by key`,
    [leads ? plainArray([...leads]) : null],
  );
  return found.rows.map(({ key }) => key);
}

/** In the caller's snapshot: a company whose members were written since has a mark there, and is pending. */
export async function verifyAccounts(
  client: PoolClient,
  context: ProjectionContext,
  keys: readonly AccountKey[],
  report: AccountsReport,
): Promise<void> {
  const live = await client.query<{ version: number }>('select version from rulebook_publish order by id desc limit 1');
  const { version } = live.rows[0]!;
  const rulebook = await context.rulebook(client, version);
  const members = await readMembers(client, keys);
  const rows = new Map((await readRows(client, keys)).map((row) => [row.key, row]));
  const pending = new Set(await readPending(client, keys, version));
  for (const account of keys) {
    report.accounts += 1;
    if (pending.has(account)) {
      report.accountsPending.push(account);
      continue;
    }
    const row = rows.get(account);
    const all = members.get(account)!;
    if (!row && all.length === 0) continue;
    const expected = all.length === 0 ? undefined : lookAtAccount(all, rulebook, row?.lookedAt ?? Date.now());
    const cells = differences(row, expected);
    if (cells.length > 0) report.accountDifferences.push({ account, cells });
  }
}

/** Compared as of the instant at which the row was made: it says so, and is looked at again before it is shown. */
function differences(row: Row | undefined, expected: AccountLook | undefined): CellDifference[] {
  if (!row || !expected) return [{ cell: 'members', stored: row?.members, refolded: expected?.members }];
  const { key: _, lookedAt: __, nextChangeAt, ...stored } = row;
  const cells: CellDifference[] = Object.entries(stored)
    .map(([cell, value]) => ({ cell, stored: value as unknown, refolded: expected[cell as keyof AccountLook] }))
    .filter((one) => !isDeepStrictEqual(one.stored, one.refolded));
  // may be early, never late
  if (nextChangeAt === null || nextChangeAt > expected.nextChangeAt)
    cells.push({ cell: 'nextChangeAt', stored: nextChangeAt, refolded: expected.nextChangeAt });
  return cells.sort((a, b) => (a.cell < b.cell ? -1 : 1));
}

async function readRows(db: Queryable, keys: readonly AccountKey[]): Promise<Row[]> {
  const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint`;
  const found = await db.query<Row>(
    `select key, day, name, name_key as "nameKey", members, engaged, hot_members as "hotMembers", hottest, engagement, roles, reached, temperature,
        hot_rules as "hotRules", ${ms('next_change_at')} as "nextChangeAt", ${ms('looked_at')} as "lookedAt"
      from account where key = any($1::text[])`,
    [textArray([...keys])],
  );
  return found.rows;
}

/** Marked, or with a member that was not brought to the live rulebook yet. */
async function readPending(db: Queryable, keys: readonly AccountKey[], version: number): Promise<AccountKey[]> {
  const marked = await db.query<{ account: AccountKey }>(
    'select account from account_change where account = any($1::text[])',
    [textArray([...keys])],
  );
  return [...marked.rows.map(({ account }) => account), ...(await readUnsettled(db, keys, version))];
}
