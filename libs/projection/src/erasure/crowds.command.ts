import { emptyState, tooManyPeople, type SubjectKey } from '#libs/leads/domain';
import type { PoolClient } from '#libs/platform';
import { lockLeads, writeLeads } from '../store/lead.store.js';
import { deleteRanks } from '../store/rank.store.js';
import { readCrowds, takeBackBrowsers } from '../store/skipped-identification.store.js';

/** Browsers, bare, that are nobody's and that one of these was identified on. */
export async function crowdsOf(client: PoolClient, keys: readonly SubjectKey[]): Promise<string[]> {
  const result = await client.query<{ anon: string }>(
    'select distinct anon from skipped_identification where strong = any($1::text[])',
    [keys],
  );
  return result.rows.map((row) => row.anon);
}

/**
 * Of browsers from which somebody is gone, those on which few enough people are left are theirs again: the visitor's lead
 * gives up what it had. Its events are for the caller to fold anew.
 */
export async function takeBackFew(
  client: PoolClient,
  browsers: readonly string[],
  browserLimit: number,
): Promise<void> {
  const crowds = await readCrowds(client, { browsers, counting: browsers, gone: [] }, browserLimit);
  const few = crowds.filter(({ left }) => !tooManyPeople(left!, browserLimit)).map(({ anon }) => anon);
  await takeBackBrowsers(client, few);
  const visitors = await client.query<{ lead: number }>('select lead from subject_key where key = any($1::text[])', [
    few.map((anon) => `a:${anon}`),
  ]);
  const leads = await lockLeads(
    client,
    visitors.rows.map((row) => row.lead),
  );
  for (const lead of leads.values())
    Object.assign(lead, { state: emptyState(), nextChangeAt: null, rankHash: null, refoldPending: false });
  await writeLeads(client, [...leads.values()]);
  await deleteRanks(client, [...leads.keys()]);
}
