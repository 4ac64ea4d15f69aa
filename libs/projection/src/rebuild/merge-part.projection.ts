import { isDeepStrictEqual } from 'node:util';
import { emptyState, mergeStates, type LeadMemory, type LeadState } from '#libs/leads/domain';
import { databaseNow, fp, type PoolClient } from '#libs/platform';
import { revisionOf, sameMemory } from '../batch/remember.js';
import type { Rulebook } from '../projection-context.js';
import { plainArray } from '../store/arrays.js';
import type { Lead } from '../store/lead.store.js';
import { companyKeyOf, rankOf, type RankRow } from '../store/rank.store.js';
import { copiedRows, copyIn, copyLine } from './copy-rows.js';
import type { PartReport, PartTask } from './fold-part.projection.js';
import { readAwaited } from '../store/listener.store.js';
import { recalled, settleQuietly } from './settle-quietly.js';

interface Whole {
  root: number;
  state?: LeadState;
  memory?: LeadMemory;
}

const leadsAtOnce = 500;

/** Adds up what was folded for each lead of this part and writes its rows: all of the part, or after a kill none. */
export async function mergePart(
  reading: PoolClient,
  writing: PoolClient,
  { part, parts }: PartTask,
  rulebook: Rulebook,
  report: PartReport,
): Promise<void> {
  await writing.query('begin');
  try {
    let group: Whole[] = [];
    const now = (await databaseNow(writing)).getTime();
    const flush = async (): Promise<void> => {
      await writeWholes(writing, group, rulebook, now);
      report.onProgress(group.length);
      group = [];
    };
    const rows = copiedRows(
      reading,
      `select coalesce(r.root, s.lead) as root, p.state, p.memory from part_state p join subject_key s on s.key = p.key
        left join relink r on r.lead = s.lead where coalesce(r.root, s.lead) % ${parts} = ${part} order by 1`,
    );
    for await (const some of rows)
      for (const [id, state, memory] of some) {
        let whole = group.at(-1);
        if (whole?.root !== Number(id)) {
          if (group.length >= leadsAtOnce) await flush();
          whole = { root: Number(id) };
          group.push(whole);
        }
        add(whole, state ?? null, memory ?? null);
      }
    await flush();
    await writing.query('update part set merged = true where part = $1', [part]);
    await writing.query('commit');
  } catch (error) {
    await writing.query('rollback');
    throw error;
  }
  fp('rebuild.after_merge');
}

function add(whole: Whole, stateText: string | null, memoryText: string | null): void {
  if (stateText !== null) {
    const state = JSON.parse(stateText) as LeadState;
    whole.state = whole.state ? mergeStates(whole.state, state) : state;
  }
  if (memoryText === null) return;
  const memory = JSON.parse(memoryText) as LeadMemory;
  if (revisionOf(memory) > revisionOf(whole.memory)) whole.memory = memory;
}

interface LiveRow {
  id: number;
  version: number;
  lookedAt: number | null;
  rulebook: number;
  refoldPending: boolean;
  state: LeadState;
  memory: LeadMemory;
  mixed: boolean;
  visitor: boolean;
}

async function writeWholes(
  writing: PoolClient,
  wholes: readonly Whole[],
  rulebook: Rulebook,
  now: number,
): Promise<void> {
  if (wholes.length === 0) return;
  const { rows } = await writing.query<LiveRow>({
    name: 'leadfold-rebuild-live',
    text: `select t.id, l.version, (extract(epoch from l.looked_at) * 1000)::bigint as "lookedAt", l.rulebook, l.refold_pending as "refoldPending",
        l.state, l.memory, coalesce(r.mixed, false) as mixed, left(s.key, 2) = 'a:' as visitor
      from unnest($1::bigint[]) as t(id) join subject_key s on s.lead = t.id left join relink r on r.lead = t.id left join public.lead l on l.id = t.id`,
    values: [plainArray(wholes.map((whole) => whole.root))],
  });
  const live = new Map(rows.map((row) => [row.id, row]));
  const awaited = await readAwaited(writing, rulebook);
  const firstStage = rulebook.funnel.stages[0]!.name;
  const leads: string[] = [];
  const ranks: string[] = [];
  const differing: string[] = [];
  for (const whole of wholes) {
    const before = live.get(whole.root)!;
    const state = whole.state ?? emptyState();
    const lookedAt = before.lookedAt ?? (state.lastAt === undefined ? null : now);
    const lead: Lead = {
      id: whole.root,
      mixed: before.mixed,
      version: before.version ?? 0,
      lookedAt,
      rulebook: rulebook.version,
      refoldPending: false,
      nextChangeAt: null,
      rankHash: null,
      state,
      memory: recalled(whole.memory, lookedAt, firstStage),
      // companies are looked at again as a whole once the tables are exchanged
      account: null,
    };
    if (differs(before, lead, firstStage)) differing.push(copyLine([lead.id]));
    const look = settleQuietly(lead, rulebook, awaited);
    if (look && state.lastAt !== undefined) {
      const rank = rankOf(lead, look, before.visitor, rulebook.zone.localDay(lookedAt!));
      lead.rankHash = rank.hash;
      ranks.push(rankLine(rank));
    }
    leads.push(leadLine(lead));
  }
  await copyIn(
    writing,
    'lead (id, mixed, version, looked_at, rulebook, next_change_at, rank_hash, state, memory)',
    leads,
  );
  await copyIn(
    writing,
    'lead_rank (lead, score, engagement, fit, grade, band, temperature, stage, display_name, company, email, visitor, last_at, score_day, next_change_at, company_key, account)',
    ranks,
  );
  await copyIn(writing, 'differing (lead)', differing);
}

/** Of the live lead as it is now: one that was touched since the cut is taken off this list later. */
function differs(before: LiveRow, lead: Lead, firstStage: string): boolean {
  if ((before.lookedAt === null && lead.lookedAt !== null) || before.refoldPending) return true;
  if (revisionOf(before.memory) !== revisionOf(lead.memory)) return true;
  if (!sameMemory(before.memory, lead.memory, firstStage)) return true;
  return before.rulebook === lead.rulebook && !isDeepStrictEqual(before.state, lead.state);
}

const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const leadLine = (lead: Lead): string =>
  copyLine([
    lead.id,
    lead.mixed,
    lead.version,
    time(lead.lookedAt),
    lead.rulebook,
    time(lead.nextChangeAt),
    lead.rankHash,
    JSON.stringify(lead.state),
    JSON.stringify(lead.memory),
  ]);

const rankLine = (rank: RankRow): string =>
  copyLine([
    rank.lead,
    rank.score,
    rank.engagement,
    rank.fit,
    rank.grade,
    rank.band,
    rank.temperature,
    rank.stage,
    rank.displayName,
    rank.company,
    rank.email,
    rank.visitor,
    time(rank.lastAt),
    rank.scoreDay,
    time(rank.nextChangeAt),
    companyKeyOf(rank.company),
    rank.account,
  ]);
