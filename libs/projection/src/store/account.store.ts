import { membershipOf, type AccountKey, type LeadState } from '#libs/leads/domain';
import type { PoolClient, Queryable } from '#libs/platform';
import type { AccountLook, AccountMember } from '../domain/index.js';
import { plainArray, textArray } from './arrays.js';

/** Marks that are taken at once; what is left comes in the next round. */
const mostMarks = 2_000;

/** Takes marks away. What they stand for is committed, so a later statement sees it. */
export async function takeMarks(client: PoolClient): Promise<AccountKey[]> {
  const taken = await client.query<{ account: string }>(
    `delete from account_change where ctid = any(array(select ctid from account_change limit ${mostMarks} for update skip locked)) returning account`,
  );
  return [...new Set(taken.rows.map((row) => row.account))];
}

/** What is kept of the last look at a company: null where it cannot be told what held. */
export interface LastLook {
  held: string[] | null;
}

/** Locks the rows of these companies, made where there is none, in order of key. */
export async function lockAccounts(
  client: PoolClient,
  keys: readonly AccountKey[],
): Promise<Map<AccountKey, LastLook>> {
  const sorted = textArray([...keys].sort());
  await client.query(
    'insert into account (key) select k from unnest($1::text[]) as t(k) order by k on conflict (key) do nothing',
    [sorted],
  );
  const locked = await client.query<LastLook & { key: AccountKey }>(
    `select key, case when looked_at is null then '{}' else held end as held from account
      where key = any($1::text[]) order by key for update`,
    [sorted],
  );
  return new Map(locked.rows.map(({ key, held }) => [key, { held }]));
}

export async function dueAccounts(client: PoolClient, most: number): Promise<AccountKey[]> {
  const due = await client.query<{ key: string }>(
    `select key from account where next_change_at <= leadfold_now() order by next_change_at limit ${most} for update skip locked`,
  );
  return due.rows.map((row) => row.key);
}

/** Found by the stored key, and members by what their states say now. */
export async function readMembers(
  db: Queryable,
  keys: readonly AccountKey[],
): Promise<Map<AccountKey, AccountMember[]>> {
  const members = new Map<AccountKey, AccountMember[]>(keys.map((key) => [key, []]));
  if (keys.length === 0) return members;
  const found = await db.query<{ lead: number; account: string; state: LeadState }>(
    `select k.lead, k.account, l.state from lead_rank k join lead l on l.id = k.lead
      where k.account = any($1::text[]) and l.merged_into is null and not l.mixed order by k.lead`,
    [textArray([...keys])],
  );
  for (const { lead, account, state } of found.rows)
    if (membershipOf(state)?.account === account) members.get(account)!.push({ lead, state });
  return members;
}

/** Of these, the ones with a member that is still folded anew, or was not brought to this rulebook yet. */
export async function readUnsettled(
  db: Queryable,
  keys: readonly AccountKey[],
  version: number,
): Promise<Set<AccountKey>> {
  const found = await db.query<{ account: AccountKey }>(
    `select distinct k.account from lead_rank k join lead l on l.id = k.lead
      where k.account = any($1::text[]) and l.merged_into is null and not l.mixed
        and (l.refold_pending or l.rulebook not in (0, $2))`,
    [textArray([...keys]), version],
  );
  return new Set(found.rows.map((row) => row.account));
}

export interface AccountRow extends LastLook {
  key: AccountKey;
  look: AccountLook;
}

export async function writeAccounts(client: PoolClient, rows: readonly AccountRow[], now: number): Promise<void> {
  const empty = rows.filter(({ look }) => look.members === 0).map(({ key }) => key);
  if (empty.length > 0) await client.query('delete from account where key = any($1::text[])', [textArray(empty)]);
  const kept = rows.filter(({ look }) => look.members > 0);
  if (kept.length === 0) return;
  const texts = (of: (look: AccountLook) => string | null) => textArray(kept.map(({ look }) => of(look)));
  const numbers = (of: (look: AccountLook) => number) => plainArray(kept.map(({ look }) => of(look)));
  const words = (of: (row: AccountRow) => string[] | null) => kept.map((row) => JSON.stringify(of(row)));
  await client.query(
    `update account a set name = t.name, name_key = t.name_key, temperature = t.temperature, hottest = t.hottest, engagement = t.engagement,
        members = t.members, engaged = t.engaged, hot_members = t.hot_members, day = t.day, reached = t.reached,
        roles = array(select jsonb_array_elements_text(t.roles::jsonb)), hot_rules = array(select jsonb_array_elements_text(t.hot_rules::jsonb)),
        next_change_at = to_timestamp(t.next_change_at / 1000.0), looked_at = to_timestamp($15 / 1000.0),
        held = case when t.held <> 'null' then array(select jsonb_array_elements_text(t.held::jsonb)) end
      from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::int[], $8::int[], $9::int[], $10::int[], $11::bool[],
        $12::text[], $13::text[], $14::float8[], $16::text[])
        as t(key, name, name_key, temperature, hottest, engagement, members, engaged, hot_members, day, reached, roles, hot_rules, next_change_at, held)
      where a.key = t.key`,
    [
      textArray(kept.map(({ key }) => key)),
      texts(({ name }) => name),
      texts(({ nameKey }) => nameKey),
      texts(({ temperature }) => temperature),
      texts(({ hottest }) => hottest),
      numbers(({ engagement }) => engagement),
      numbers(({ members }) => members),
      numbers(({ engaged }) => engaged),
      numbers(({ hotMembers }) => hotMembers),
      numbers(({ day }) => day),
      kept.map(({ look }) => look.reached),
      words(({ look }) => look.roles),
      words(({ look }) => look.hotRules),
      numbers(({ nextChangeAt }) => nextChangeAt),
      now,
      words(({ held }) => held),
    ],
  );
}
