import { emptyState, primaryKeyOf, type LeadMemory, type SubjectKey } from '#libs/leads/domain';
import { databaseNow, type PoolClient } from '#libs/platform';
import { refoldWhole } from '../batch/refold-slices.projection.js';
import { revisionOf } from '../batch/remember.js';
import type { Step } from '../batch/step.js';
import { plainArray, textArray } from '../store/arrays.js';
import { eventOf, type EventRow } from '../store/event.store.js';
import { lockLeads, writeLeads, type LockedLead } from '../store/lead.store.js';
import { rankOf, writeRanks, type RankRow } from '../store/rank.store.js';
import { visitorsAmong } from '../upkeep/review.projection.js';
import { readAwaited } from '../store/listener.store.js';
import { recalled, settleQuietly } from './settle-quietly.js';

/** Memory, looks and rows of everybody whom the step or a record of a decision touched. */
export async function settleFollowed(
  client: PoolClient,
  step: Step,
  rows: readonly EventRow[],
  /** What was remembered of the locked leads before they were joined and parted. */
  remembered: ReadonlyMap<number, LeadMemory>,
  hurried: boolean,
): Promise<void> {
  const { rulebook } = step;
  const recorded = await recordsByRoot(client, rows);
  await lockAlso(step, recorded.keys());
  // whoever was joined or parted was recorded anew by the same batch: the greatest revision is his
  const pending = hurried ? [] : [...step.leads.values()].filter((lead) => lead.refoldPending && stands(lead));
  const refolded = await refoldWhole(
    client,
    pending.map((lead) => lead.id),
    rulebook,
    step.context,
  );
  for (const lead of pending) {
    lead.state = refolded.get(lead.id)!.state;
    lead.refoldPending = false;
  }
  // of the records that name any of its keys the latest: where keys came together it was one of theirs
  for (const [id, memory] of [...byRootNow(step, remembered), ...recorded]) {
    const lead = step.leads.get(id)!;
    if (revisionOf(memory) > revisionOf(lead.memory)) lead.memory = memory;
  }
  await write(step, [...step.leads.values()]);
}

/** Batches commit in another order than their numbers, so a join may come here before the record that was made of it. */
const byRootNow = (step: Step, remembered: ReadonlyMap<number, LeadMemory>): [number, LeadMemory][] =>
  [...remembered].flatMap(([id, memory]): [number, LeadMemory][] => {
    const root = step.leads.get(id)?.mergedInto ?? id;
    return step.leads.has(root) ? [[root, memory]] : [];
  });

const stands = (lead: LockedLead): boolean => lead.mergedInto === null;

export async function lockAlso(step: Step, ids: Iterable<number>): Promise<void> {
  const missing = [...ids].filter((id) => !step.leads.has(id));
  for (const [id, lead] of await lockLeads(step.client, missing)) step.leads.set(id, lead);
}

async function recordsByRoot(client: PoolClient, rows: readonly EventRow[]): Promise<Map<number, LeadMemory>> {
  const byKey = new Map<SubjectKey, LeadMemory>();
  for (const row of rows) {
    const memory = row.body['memory'] as unknown as LeadMemory | undefined;
    if (row.type !== 'decision' || memory === undefined) continue;
    const key = primaryKeyOf(eventOf(row))!;
    if (revisionOf(memory) > revisionOf(byKey.get(key))) byKey.set(key, memory);
  }
  const found = await client.query<{ key: SubjectKey; root: number }>(
    `select s.key, coalesce(l.merged_into, l.id) as root from subject_key s join lead l on l.id = s.lead where s.key = any($1::text[])`,
    [textArray([...byKey.keys()])],
  );
  const byRoot = new Map<number, LeadMemory>();
  for (const { key, root } of found.rows)
    if (revisionOf(byKey.get(key)) > revisionOf(byRoot.get(root))) byRoot.set(root, byKey.get(key)!);
  return byRoot;
}

async function write(step: Step, leads: readonly LockedLead[]): Promise<void> {
  const { client, rulebook } = step;
  const ids = leads.map((lead) => lead.id);
  const live = await client.query<{ id: number; lookedAt: number | null }>(
    `select id, (extract(epoch from looked_at) * 1000)::bigint as "lookedAt" from public.lead where id = any($1::bigint[])`,
    [plainArray(ids)],
  );
  const lookedAt = new Map(live.rows.map((row) => [row.id, row.lookedAt]));
  const visitors = await visitorsAmong(client, ids);
  const now = (await databaseNow(client)).getTime();
  const awaited = await readAwaited(client, rulebook);
  const ranks: RankRow[] = [];
  for (const lead of leads) {
    if (lead.mergedInto !== null || lead.mixed) lead.state = emptyState();
    lead.lookedAt = lookedAt.get(lead.id) ?? (lead.state.lastAt === undefined ? null : now);
    const recorded = revisionOf(lead.memory) === 0 ? undefined : lead.memory;
    lead.memory = recalled(recorded, lead.lookedAt, rulebook.funnel.stages[0]!.name);
    const look = lead.mergedInto === null ? settleQuietly(lead, rulebook, awaited) : undefined;
    if (!look || lead.state.lastAt === undefined) continue;
    const rank = rankOf(lead, look, visitors.has(lead.id), step.context.zone.localDay(lead.lookedAt!));
    lead.rankHash = rank.hash;
    ranks.push(rank);
  }
  await writeLeads(client, leads);
  await writeRanks(client, ranks);
  await client.query('delete from differing where lead = any($1::bigint[])', [plainArray(ids)]);
}
