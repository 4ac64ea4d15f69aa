import {
  emptyState,
  freshMemory,
  membershipOf,
  type AccountKey,
  type LeadMemory,
  type LeadState,
  type SubjectKey,
} from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { plainArray } from './arrays.js';
import { binaryFlags, binaryInts, binaryLongs, binaryTexts, binaryTimes } from './binary-arrays.js';

/** A root lead as it stands under its row lock. Times in ms. */
export interface Lead {
  id: number;
  mixed: boolean;
  version: number;
  lookedAt: number | null;
  /** The version whose signals its counters hold and under which it was last looked at. */
  rulebook: number;
  refoldPending: boolean;
  nextChangeAt: number | null;
  rankHash: string | null;
  state: LeadState;
  memory: LeadMemory;
  /** The company it belonged to when it was read: that one has to be looked at again, too. */
  account: AccountKey | null;
  /** Has a key, but no row before it is written. */
  unborn?: true;
}

export interface LockedLead extends Lead {
  mergedInto: number | null;
}

const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint`;
const leadColumns = `id, merged_into as "mergedInto", mixed, version, ${ms('looked_at')} as "lookedAt", rulebook,
  refold_pending as "refoldPending", ${ms('next_change_at')} as "nextChangeAt", rank_hash as "rankHash", state, memory`;

/** In order of id, whatever locks them: the last class of locks. Returns the rows as they are once locked. */
export async function lockLeads(client: Queryable, ids: Iterable<number>): Promise<Map<number, LockedLead>> {
  const sorted = [...new Set(ids)].sort((a, b) => a - b);
  if (sorted.length === 0) return new Map();
  const result = await client.query<Omit<LockedLead, 'account'>>({
    name: 'leadfold-lock-leads',
    text: `select ${leadColumns} from lead where id = any($1::bigint[]) order by id for update`,
    values: [binaryLongs(sorted)],
  });
  const locked = new Map<number, LockedLead>();
  // a row is nobody else's
  for (const row of result.rows) locked.set(row.id, Object.assign(row, { account: accountIn(row) }));
  return locked;
}

const accountIn = ({ state }: Pick<Lead, 'state'>): AccountKey | null => membershipOf(state)?.account ?? null;

const minting = `insert into subject_key (key, lead) select key, nextval('lead_id_seq') from unnest($1::text[]) as t(key)
  on conflict (key) do nothing returning key, lead`;

/**
 * Mints a lead for every key that has none. Sorted: two batches with the same new keys wait in the same order. Returns what
 * was minted; a key that is not among it was minted by another batch meanwhile.
 */
export async function mintKeys(client: Queryable, keys: readonly SubjectKey[]): Promise<Map<SubjectKey, number>> {
  const sorted = [...new Set(keys)].sort();
  if (sorted.length === 0) return new Map();
  const result = await client.query<[string, number]>({
    name: 'leadfold-mint-keys',
    rowMode: 'array',
    text: `with minted as (${minting}), born as (insert into lead (id) select lead from minted) select key, lead from minted`,
    values: [binaryTexts(sorted)],
  });
  return new Map(result.rows);
}

/** The same without rows for the leads: each is to become a `newLead` and be written. */
export async function mintUnborn(client: Queryable, keys: readonly SubjectKey[]): Promise<Map<SubjectKey, number>> {
  const sorted = [...new Set(keys)].sort();
  if (sorted.length === 0) return new Map();
  const result = await client.query<[string, number]>({
    name: 'leadfold-mint-unborn',
    rowMode: 'array',
    text: minting,
    values: [binaryTexts(sorted)],
  });
  return new Map(result.rows);
}

/**
 * A lead of this transaction's own minting: nobody else sees it yet, so it needs neither reading nor locking. Its row is made
 * whole when it is written; an empty one to be filled a moment later is a second row, on another page.
 */
export const newLead = (id: number): LockedLead => ({
  id,
  mergedInto: null,
  mixed: false,
  version: 0,
  lookedAt: null,
  rulebook: 0,
  refoldPending: false,
  nextChangeAt: null,
  rankHash: null,
  state: emptyState(),
  memory: freshMemory(),
  account: null,
  unborn: true,
});

export interface LeadLinkage {
  id: number;
  mergedInto: number | null;
  mixed: boolean;
}

/** Who is merged into whom; every row named here gets a new version. */
export async function writeLinkage(client: Queryable, rows: readonly LeadLinkage[]): Promise<void> {
  if (rows.length === 0) return;
  await client.query({
    name: 'leadfold-write-linkage',
    text: `update lead l set merged_into = t.merged_into, mixed = t.mixed, version = l.version + 1
      from unnest($1::bigint[], $2::bigint[], $3::bool[]) as t(id, merged_into, mixed) where l.id = t.id`,
    values: [
      plainArray(rows.map((row) => row.id)),
      plainArray(rows.map((row) => row.mergedInto)),
      plainArray(rows.map((row) => row.mixed)),
    ],
  });
}

export async function raiseVersions(client: Queryable, ids: readonly number[]): Promise<void> {
  if (ids.length > 0)
    await client.query('update lead set version = version + 1 where id = any($1::bigint[])', [plainArray(ids)]);
}

const marked = 'marked as (insert into account_change (account) select unnest($9::text[]))';
const given = `unnest($1::bigint[], $2::timestamptz[], $3::int[], $4::bool[], $5::timestamptz[], $6::text[], $7::text[], $8::text[])
  as t(id, looked_at, rulebook, pending, next_change_at, rank_hash, state, memory)`;

/** Marks as well, in the same statement, the companies that the leads belong or belonged to: see `account_change`. */
export async function writeLeads(client: Queryable, leads: readonly Lead[]): Promise<void> {
  const [born, unborn]: [Lead[], Lead[]] = [[], []];
  for (const lead of leads) (lead.unborn ? unborn : born).push(lead);
  const writing: Promise<unknown>[] = [];
  if (born.length > 0)
    writing.push(
      client.query({
        name: 'leadfold-write-leads',
        text: `with ${marked}
          update lead l set looked_at = t.looked_at, rulebook = t.rulebook, refold_pending = t.pending,
            next_change_at = t.next_change_at, rank_hash = t.rank_hash, state = t.state::json, memory = t.memory::json
          from ${given} where l.id = t.id`,
        values: columnsOf(born),
      }),
    );
  if (unborn.length > 0)
    writing.push(
      client.query({
        name: 'leadfold-write-new-leads',
        text: `with ${marked}
          insert into lead (id, looked_at, rulebook, refold_pending, next_change_at, rank_hash, state, memory)
          select id, looked_at, rulebook, pending, next_change_at, rank_hash, state::json, memory::json from ${given}`,
        values: columnsOf(unborn),
      }),
    );
  await Promise.all(writing);
}

const columnsOf = (leads: readonly Lead[]) => [
  binaryLongs(leads.map((lead) => lead.id)),
  binaryTimes(leads.map((lead) => lead.lookedAt)),
  binaryInts(leads.map((lead) => lead.rulebook)),
  binaryFlags(leads.map((lead) => lead.refoldPending)),
  binaryTimes(leads.map((lead) => lead.nextChangeAt)),
  binaryTexts(leads.map((lead) => lead.rankHash)),
  binaryTexts(leads.map((lead) => JSON.stringify(lead.state))),
  binaryTexts(leads.map((lead) => JSON.stringify(lead.memory))),
  binaryTexts(accountsOf(leads)),
];

export function accountsOf(leads: readonly Lead[]): AccountKey[] {
  const accounts = new Set<AccountKey>();
  for (const lead of leads) {
    if (lead.account !== null) accounts.add(lead.account);
    const account = accountIn(lead);
    if (account !== null) accounts.add(account);
  }
  return [...accounts];
}
