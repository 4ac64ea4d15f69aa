import type { AccountKey } from '#libs/leads/domain';
import { newId, type PoolClient } from '#libs/platform';
import type { CompanyFacts } from '../domain/index.js';
import { plainArray, textArray } from '../store/arrays.js';

export interface CompanyNotice {
  account: AccountKey;
  /** The first of its members: a notice names somebody, and goes with whoever is erased. */
  lead: number;
  name: string;
}

/**
 * One for a company, however many of its people wait, where an awaited condition holds that did not when it was last looked
 * at, or the other way round. Null: whatever held then, it was not told.
 */
export function noticeOf(
  account: AccountKey,
  { each }: CompanyFacts,
  names: readonly string[],
  before: readonly string[] | null,
  after: readonly string[],
): CompanyNotice[] {
  const [member] = each;
  const name = names.find((one) => before === null || before.includes(one) !== after.includes(one));
  return member && name !== undefined ? [{ account, lead: member.lead, name }] : [];
}

/** They wake runs and nobody enters by them, so they are never quiet: see the notices of leads. */
export async function writeCompanyNotices(
  client: PoolClient,
  notices: readonly CompanyNotice[],
  now: number,
): Promise<void> {
  if (notices.length === 0) return;
  const written = await client.query(
    `insert into outbox (key, kind, name, lead, subject_key, event, payload, created_at)
      select n.id::text, 'condition', n.name, n.lead, k.key, n.id, jsonb_build_object('account', n.account), to_timestamp($5 / 1000.0)
      from unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[]) as n(id, name, lead, account)
      cross join lateral (select min(s.key collate "C") as key from subject_key s
        where s.lead in (select n.lead union all select l.id from lead l where l.merged_into = n.lead)) as k
      where k.key is not null`,
    [
      plainArray(notices.map(() => newId())),
      textArray(notices.map(({ name }) => name)),
      plainArray(notices.map(({ lead }) => lead)),
      textArray(notices.map(({ account }) => account)),
      now,
    ],
  );
  if (written.rowCount) await client.query('notify leadfold_outbox');
}
