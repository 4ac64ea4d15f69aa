import type { AccountKey, Locale, Temperature } from '#libs/leads/domain';
import { databaseNow, type Queryable } from '#libs/platform';
import { explainAccount, lookAtAccount, type AccountExplanation, type CompiledRulebook } from '../domain/index.js';
import type { ProjectionContext } from '../projection-context.js';
import { readMembers } from '../store/account.store.js';

export interface AccountListQuery {
  temperature?: Temperature;
  /** Part of a name or key. */
  text?: string;
  /** Only those that are hot though none of their leads is. */
  together?: boolean;
  after?: AccountCursor;
  limit: number;
}

export interface AccountCursor {
  temperature: Temperature;
  engagement: number;
  key: AccountKey;
}

export interface ListedAccount {
  key: AccountKey;
  name: string | null;
  temperature: Temperature;
  /** Tenths. */
  engagement: number;
  members: number;
  engaged: number;
  hotMembers: number;
  roles: string[];
  reached: boolean;
  hotRules: string[];
}

const hottestFirst: Temperature[] = ['hot', 'warm', 'cold'];
const fields = [
  ...(['key', 'name', 'temperature', 'engagement', 'members', 'engaged'] as const).map((name) => [name, name]),
  ['hot_members', 'hotMembers'],
  ['roles', 'roles'],
  ['reached', 'reached'],
  ['hot_rules', 'hotRules'],
] as const;
const columns = fields.map(([column, name]) => `${column} as "${name}"`).join(', ');
/** The same of an account `a`, for `json_build_object`. */
export const accountFields = fields.map(([column, name]) => `'${name}', a.${column}`).join(', ');

/** Hot first, then by engagement: the stored order. Rows of an earlier day or rulebook are looked at again before they are shown. */
export async function listAccounts(
  db: Queryable,
  context: ProjectionContext,
  query: AccountListQuery,
): Promise<{ accounts: ListedAccount[]; next?: AccountCursor }> {
  const found: RankedAccount[] = [];
  const from = query.after ? hottestFirst.indexOf(query.after.temperature) : 0;
  for (const temperature of hottestFirst.slice(from)) {
    if (query.temperature && temperature !== query.temperature) continue;
    const after = query.after?.temperature === temperature ? query.after : undefined;
    found.push(...(await ranked(db, temperature, query, after, query.limit + 1 - found.length)));
    if (found.length > query.limit) break;
  }
  const page = found.slice(0, query.limit);
  const last = page.at(-1);
  const accounts = await lookAgain(db, context, page);
  return found.length > query.limit && last
    ? { accounts, next: { temperature: last.temperature, engagement: last.engagement, key: last.key } }
    : { accounts };
}

type RankedAccount = ListedAccount & {
  day: number;
  /** Looked at before the live rulebook was published. */
  outdated: boolean;
};

async function ranked(
  db: Queryable,
  temperature: Temperature,
  query: AccountListQuery,
  after: AccountCursor | undefined,
  limit: number,
): Promise<RankedAccount[]> {
  const pattern = query.text ? `%${query.text.replace(/[\\%_]/g, '\\$&')}%` : null;
  const result = await db.query<RankedAccount>(
    `select ${columns}, day, looked_at < (select known_at from rulebook_publish order by id desc limit 1) as outdated from account
      where temperature = $1 and looked_at is not null and ($2::int is null or (-engagement, key) > (-$2::int, $3::text))
        and ($4::text is null or name ilike $4 or key ilike $4) and (not $5 or (hot_members = 0 and temperature = 'hot'))
      order by engagement desc, key limit $6`,
    [temperature, after?.engagement ?? null, after?.key ?? null, pattern, query.together ?? false, limit],
  );
  return result.rows;
}

async function lookAgain(
  db: Queryable,
  context: ProjectionContext,
  rows: readonly RankedAccount[],
): Promise<ListedAccount[]> {
  const now = (await databaseNow(db)).getTime();
  const today = context.zone.localDay(now);
  const isOlder = ({ day, outdated }: RankedAccount) => day !== today || outdated;
  const older = rows.filter(isOlder).map(({ key }) => key);
  const members = await readMembers(db, older);
  const rulebook = older.length > 0 ? await liveOf(db, context) : undefined;
  return rows.map(({ day, outdated, ...row }) =>
    isOlder({ day, outdated, ...row }) ? { ...row, ...lookAtAccount(members.get(row.key)!, rulebook!, now) } : row,
  );
}

async function liveOf(db: Queryable, context: ProjectionContext): Promise<CompiledRulebook> {
  const live = await db.query<{ version: number }>('select version from rulebook_publish order by id desc limit 1');
  return context.rulebook(db, live.rows[0]!.version);
}

/** What a lead's page says of its company: the stored row. */
export async function readAccountRow(db: Queryable, key: AccountKey): Promise<ListedAccount | undefined> {
  const found = await db.query<ListedAccount>(
    `select ${columns} from account where key = $1 and looked_at is not null`,
    [key],
  );
  return found.rows[0];
}

/** A lead as lists show it. */
export interface AccountLead {
  id: number;
  displayName: string | null;
  email: string | null;
  company: string | null;
}

export interface AccountRead {
  key: AccountKey;
  told: AccountExplanation;
  leads: ReadonlyMap<number, AccountLead>;
  suggestions: AccountSuggestions;
  rulebook: number;
  /** ms. */
  now: number;
}

export interface AccountSuggestions {
  /** Of no company yet, whose company's name is spelt like this one's. */
  leads: AccountLead[];
  accounts: { key: AccountKey; name: string | null; members: number }[];
}

/** One company, looked at now from its members' states. Undefined if it has none. */
export async function readAccount(
  db: Queryable,
  context: ProjectionContext,
  key: AccountKey,
  locale: Locale,
): Promise<AccountRead | undefined> {
  const members = (await readMembers(db, [key])).get(key)!;
  if (members.length === 0) return undefined;
  const now = (await databaseNow(db)).getTime();
  const rulebook = await liveOf(db, context);
  const told = explainAccount(members, rulebook, now, locale);
  const leads = await db.query<AccountLead>(`select ${leadColumns} from lead_rank where lead = any($1::bigint[])`, [
    members.map(({ lead }) => lead),
  ]);
  return {
    key,
    told,
    leads: new Map(leads.rows.map((lead) => [lead.id, lead])),
    suggestions: await suggestionsFor(db, key, told.look.nameKey),
    rulebook: rulebook.version,
    now,
  };
}

const leadColumns = 'lead as id, display_name as "displayName", email, company';
const mostSuggested = 50;

async function suggestionsFor(db: Queryable, key: AccountKey, nameKey: string | null): Promise<AccountSuggestions> {
  const spelt = nameKey ?? (key.startsWith('n:') ? key.slice(2) : null);
  if (spelt === null) return { leads: [], accounts: [] };
  const leads = await db.query<AccountLead>(
    `select ${leadColumns} from lead_rank where company_key = $1 and company_key is not null and account is null
      order by lead limit ${mostSuggested}`,
    [spelt],
  );
  const accounts = await db.query<AccountSuggestions['accounts'][number]>(
    `select key, name, members from account where (name_key = $1 or key = 'n:' || $1) and key <> $2 order by key limit ${mostSuggested}`,
    [spelt, key],
  );
  return { leads: leads.rows, accounts: accounts.rows };
}

export async function memberIds(db: Queryable, key: AccountKey): Promise<number[]> {
  return (await readMembers(db, [key])).get(key)!.map(({ lead }) => lead);
}
