import { stateHash, type LeadState } from '#libs/leads/domain';
import type { Pool, PoolClient } from '#libs/platform';
import { refoldWhole } from '../batch/refold-slices.projection.js';
import { revisionOf, sameMemory } from '../batch/remember.js';
import { look, lookHashable } from '../domain/index.js';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import { readLeads, type LeadRead } from '../read/lead.query.js';
import { deriveIdentity } from './derive-identity.query.js';
import { presentKeys } from './present-keys.query.js';
import { cellDifferences, type CellDifference } from './state-differences.js';
import { accountsOf, verifyAccounts, type AccountsReport } from './verify-accounts.query.js';

export interface Difference {
  lead: number;
  keys: string[];
  /** Hashes of the stored state and of the one that the events give. */
  stored: string;
  refolded: string;
  cells: CellDifference[];
}

export interface VerifyReport extends AccountsReport {
  leads: number;
  differences: Difference[];
  /** Leads that wait for a refold or for the live rulebook: their state is of an earlier moment, and says so. */
  pending: number[];
  /** Rows of link, apart, identification, skipped_identification and lead that are other than the events say; not looked at in a sample. */
  identityDifferences: number;
}

export interface VerifyOptions {
  /** Only so many leads, drawn at random. */
  sample?: number;
  /** Also give the hash of each key set, for comparing two databases. */
  onLead?: (keys: readonly string[], hash: string) => void;
  /** For hashes that two databases share, ms; else the database's now. */
  now?: number;
  onProgress?: (leads: number, total: number) => void;
  onAccounts?: (accounts: number, total: number) => void;
  stopped?: () => boolean;
  /** Slices compared at the same time. */
  connections?: number;
}

const slice = 200;
const accountSlice = 50;

/**
 * Folds leads anew from `event` and compares, then looks at their companies anew. Stored and refolded state of a slice are read in one snapshot, so a lead that
 * events flow to meanwhile is never taken for different.
 */
export async function verify(
  pool: Pool,
  context: ProjectionContext,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const report: VerifyReport = {
    ...{ leads: 0, differences: [], pending: [], identityDifferences: 0 },
    ...{ accounts: 0, accountDifferences: [], accountsPending: [] },
  };
  if (options.sample === undefined)
    report.identityDifferences = await inSnapshot(pool, (client) => identityDifferences(client, context));
  const order =
    options.sample === undefined ? 'order by id' : `order by random() limit ${Math.max(0, Math.floor(options.sample))}`;
  const { rows } = await pool.query<{ id: number }>(`select id from lead where merged_into is null ${order}`);
  const ids = rows.map((row) => row.id);
  let next = 0;
  const compare = async (): Promise<void> => {
    while (next < ids.length && !options.stopped?.()) {
      const some = ids.slice(next, (next += slice));
      await inSnapshot(pool, (client) => verifySlice(client, context, some, report, options));
      options.onProgress?.(Math.min(ids.length, report.leads), ids.length);
    }
  };
  await Promise.all(Array.from({ length: options.connections ?? 1 }, compare));
  const accounts = await accountsOf(pool, options.sample === undefined ? undefined : ids);
  for (let from = 0; from < accounts.length && !options.stopped?.(); from += accountSlice) {
    const some = accounts.slice(from, from + accountSlice);
    await inSnapshot(pool, (client) => verifyAccounts(client, context, some, report));
    options.onAccounts?.(report.accounts, accounts.length);
  }
  return report;
}

async function verifySlice(
  client: PoolClient,
  context: ProjectionContext,
  ids: readonly number[],
  report: VerifyReport,
  options: VerifyOptions,
): Promise<void> {
  const roots = [...new Map([...(await readLeads(client, ids)).values()].map((lead) => [lead.id, lead])).values()];
  const live = await client.query<{ version: number; now: number }>(
    `select (select version from rulebook_publish order by id desc limit 1) as version, (extract(epoch from leadfold_now()) * 1000)::bigint as now`,
  );
  const { version, now } = live.rows[0]!;
  const rulebook = await context.rulebook(client, version);
  const rootIds = roots.map((lead) => lead.id);
  const keys = await presentKeys(client, rootIds);
  const folded = await refoldWhole(client, rootIds, rulebook, context);
  const hashOf = (lead: LeadRead, state: LeadState): string =>
    stateHash(
      keys.get(lead.id) ?? [],
      state,
      lookHashable(look(state, rulebook, lead.memory, options.now ?? now), rulebook),
    );
  for (const lead of roots) {
    report.leads += 1;
    const { state, memory } = folded.get(lead.id)!;
    const refolded = hashOf(lead, state);
    if (keys.has(lead.id)) options.onLead?.(keys.get(lead.id)!, refolded);
    if (lead.refoldPending || (lead.rulebook !== version && lead.rulebook !== 0)) {
      report.pending.push(lead.id);
      continue;
    }
    const stored = hashOf(lead, lead.state);
    // a browser of several people remembers nothing: what was decided of it is theirs
    const recorded = memory && !lead.mixed && !remembers(lead, memory, rulebook) ? memory : undefined;
    if (stored === refolded && recorded === undefined) continue;
    const cells = cellDifferences(
      { state: lead.state, memory: recorded && lead.memory },
      { state, memory: recorded },
      rulebook,
    );
    report.differences.push({ lead: lead.id, keys: keys.get(lead.id) ?? [], stored, refolded, cells });
  }
}

/** What was recorded last is what the lead remembers. */
const remembers = ({ memory }: LeadRead, recorded: LeadRead['memory'], rulebook: Rulebook): boolean =>
  revisionOf(memory) === revisionOf(recorded) && sameMemory(memory, recorded, rulebook.funnel.stages[0]!.name);

async function identityDifferences(client: PoolClient, context: ProjectionContext): Promise<number> {
  const derived = await deriveIdentity(client, context.settings);
  const expected = new Set([
    ...derived.links.map((row) => `l ${row.event} ${row.a} ${row.b} ${row.state}`),
    ...derived.aparts.map((row) => `p ${row.event} ${row.a} ${row.b}`),
    ...derived.identifications.map((row) => `i ${row.event} ${row.anon} ${row.strong} ${row.at}`),
    ...derived.skippedIdentifications.map((row) => `s ${row.event} ${row.anon} ${row.strong} ${row.at}`),
    ...[...derived.linkage].map(([lead, row]) => `m ${lead} ${row.mergedInto} ${row.mixed}`),
  ]);
  const stored = await client.query<{ row: string }>(
    `select 'l ' || event || ' ' || a || ' ' || b || ' ' || state as row from link where state <> 'withdrawn'
      union all select 'p ' || event || ' ' || a || ' ' || b from apart
      union all select 'i ' || event || ' ' || anon || ' ' || strong || ' ' || (extract(epoch from at) * 1000)::bigint from identification
      union all select 's ' || event || ' ' || anon || ' ' || strong || ' ' || (extract(epoch from at) * 1000)::bigint from skipped_identification
      union all select 'm ' || id || ' ' || coalesce(merged_into::text, 'null') || ' ' || mixed::text from lead where merged_into is not null or mixed`,
  );
  const found = stored.rows.filter(({ row }) => expected.delete(row)).length;
  return stored.rows.length - found + expected.size;
}

async function inSnapshot<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin isolation level repeatable read read only');
    // before the snapshot is taken: a rebuild that swaps afterwards waits, or one that swapped before is seen whole
    await client.query(
      'lock table lead, link, apart, identification, skipped_identification, unapplied_judgement in access share mode',
    );
    await client.query('set local statement_timeout = 0');
    return await work(client);
  } finally {
    await client.query('rollback').catch((error: Error) => (broken = error));
    client.release(broken);
  }
}
