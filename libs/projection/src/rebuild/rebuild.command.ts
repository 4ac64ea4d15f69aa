import { advisoryLocks, DomainError, type Pool, type PoolClient } from '#libs/platform';
import type { ProjectionContext } from '../projection-context.js';
import { beginRebuild, mintFoldedKeys } from './begin.command.js';
import { holdingRebuild, onOwnSession, readJob, setPhase, type RebuildJob } from './job.store.js';
import { runParts } from './part-threads.js';
import { clearShadow, forBulk, indexShadow } from './shadow.store.js';
import { followAndSwap, type Swapped } from './swap.command.js';

export type RebuildStep = 'reading events' | 'writing leads' | 'indexing' | 'catching up';

export interface RebuildProgress {
  step: RebuildStep;
  /** Pages of events, or leads. */
  done: number;
  total: number;
  /** Why the swap is tried again. */
  waitingFor?: string;
}

export interface RebuildReport {
  leads: number;
  events: number;
  /** Leads whose stored state or memory was another than their events and decisions say; of those that nothing touched meanwhile. */
  corrected: number;
  /** Leads that were merged, split or mixed otherwise than their events say. */
  relinked: number;
  /** Events that came meanwhile and were taken in. */
  followed: number;
  /** How long batches waited for the swap, ms. */
  heldMs: number;
}

export interface RebuildOptions {
  /** Where threads connect to; without it, or from source, all runs in this one. */
  url?: string;
  threads?: number;
  startedBy?: string;
  onProgress?: (progress: RebuildProgress) => void;
  onResumed?: (job: RebuildJob) => void;
  stopped?: () => boolean;
}

/**
 * All derived state anew from `event`, memory from the decisions recorded there, beside the live projection, which it then
 * takes the place of in one step. Lead ids stay, nothing is decided or sent. Goes on where a stopped or killed one was.
 */
export async function rebuild(
  pool: Pool,
  context: ProjectionContext,
  options: RebuildOptions = {},
): Promise<RebuildReport> {
  return holdingRebuild(pool, async (holder) => {
    const job = await readJob(holder);
    if (job?.usable && (await partsAreThere(holder, job))) options.onResumed?.(job);
    else await beginRebuild(pool, context, options.threads ?? 1, options.startedBy ?? 'unknown');
    for (;;) {
      const done = await work(pool, context, options);
      if (done !== 'begin-anew') return done;
      await beginRebuild(pool, context, options.threads ?? 1, options.startedBy ?? 'unknown');
    }
  });
}

/** A crash of the database empties the unlogged tables. */
const partsAreThere = async (client: PoolClient, job: RebuildJob): Promise<boolean> =>
  job.phase === 'follow' || (await client.query('select 1 from rebuild.part')).rowCount === job.parts;

async function work(
  pool: Pool,
  context: ProjectionContext,
  options: RebuildOptions,
): Promise<RebuildReport | 'begin-anew'> {
  const job = (await readJob(pool))!;
  const stopped = options.stopped ?? (() => false);
  if (job.phase === 'fold') await foldParts(pool, context, job, options, stopped);
  if (job.phase !== 'follow') await mergeParts(pool, context, job, options, stopped);
  const rulebook = await context.rulebook(pool, job.rulebook);
  let followed = 0;
  const swapped = await followAndSwap(pool, {
    rulebook,
    context,
    stopped,
    onFollowed: (events) => {
      if (events !== Infinity) followed += events;
      options.onProgress?.({ step: 'catching up', done: followed, total: followed });
    },
    onWaiting: (waitingFor) =>
      options.onProgress?.({ step: 'catching up', done: followed, total: followed, waitingFor }),
  });
  if (swapped === 'begin-anew') return swapped;
  if (swapped === 'stopped') throw new RebuildStopped();
  return reportOf(pool, job, swapped, followed);
}

export class RebuildStopped extends DomainError {
  constructor() {
    super('rebuild-stopped', 'Stopped. What was read is kept: run it again to go on, or drop it with --abandon.');
  }
}

async function foldParts(
  pool: Pool,
  context: ProjectionContext,
  job: RebuildJob,
  options: RebuildOptions,
  stopped: () => boolean,
): Promise<void> {
  const total = job.pages * job.parts;
  const read = await pool.query<{ done: number }>('select coalesce(sum(next_page), 0)::int8 as done from rebuild.part');
  let { done } = read.rows[0]!;
  const tell = (more: number) => options.onProgress?.({ step: 'reading events', done: (done += more), total });
  tell(0);
  await runParts(pool, context, tasksOf(job, 'fold'), { onProgress: tell, stopped }, options.url);
  if (stopped()) throw new RebuildStopped();
  await onOwnSession(pool, async (client) => {
    await forBulk(client);
    await client.query('analyze part_state');
    await mintFoldedKeys(client);
    await setPhase(client, 'merge');
  });
}

async function mergeParts(
  pool: Pool,
  context: ProjectionContext,
  job: RebuildJob,
  options: RebuildOptions,
  stopped: () => boolean,
): Promise<void> {
  const { rows } = await pool.query<{ part: number }>('select part from rebuild.part where not merged');
  const keys = await pool.query<{ total: number }>('select count(*)::int8 as total from rebuild.part_state');
  const total = keys.rows[0]!.total;
  let done = 0;
  const onProgress = (more: number) =>
    options.onProgress?.({ step: 'writing leads', done: Math.min(total, (done += more)), total });
  const left = tasksOf(job, 'merge').filter(({ part }) => rows.some((row) => row.part === part));
  await runParts(pool, context, left, { onProgress, stopped: () => false }, options.url);
  if (stopped()) throw new RebuildStopped();
  options.onProgress?.({ step: 'indexing', done: 0, total: 1 });
  await onOwnSession(pool, async (client) => {
    await forBulk(client);
    await client.query('begin');
    const rulebook = await context.rulebook(client, job.rulebook);
    await addLeadsWithoutEvents(client, rulebook.funnel.stages[0]!.name);
    await indexShadow(client, ['lead', 'lead_rank']);
    await setPhase(client, 'follow');
    await client.query('commit');
    // newly loaded pages are not summarised yet, and would be read whole to find what came since
    await client.query(`select brin_summarize_new_values('public.event_batch')`);
  });
}

const tasksOf = ({ parts, cut, pages, rulebook }: RebuildJob, work: 'fold' | 'merge') =>
  Array.from({ length: parts }, (_, part) => ({ work, part, parts, cut, pages, rulebook }));

/** Ids that were minted for keys of others, for browsers whose events are others', or for nothing that is still there. */
const addLeadsWithoutEvents = (client: PoolClient, firstStage: string) =>
  client.query(
    `insert into lead (id, merged_into, mixed, version, looked_at, memory)
      select s.lead, nullif(r.root, s.lead), coalesce(r.mixed, false), coalesce(l.version, 0), l.looked_at,
        json_build_object('hot', false, 'armed', true, 'epoch', 0, 'stage', case when l.looked_at is not null then $1::text end, 'segments', '[]'::json)
      from subject_key s left join relink r on r.lead = s.lead left join public.lead l on l.id = s.lead
      where not exists (select 1 from lead n where n.id = s.lead)`,
    [firstStage],
  );

async function reportOf(pool: Pool, job: RebuildJob, swapped: Swapped, followed: number): Promise<RebuildReport> {
  return onOwnSession(pool, async (client) => {
    await forBulk(client);
    const { rows } = await client.query<{ leads: number; events: number; corrected: number }>(
      `select (select count(*) from public.lead where merged_into is null)::int8 as leads,
        (select coalesce(sum(events), 0) from rebuild.part)::int8 as events, (select count(*) from rebuild.differing)::int8 as corrected`,
    );
    await clearShadow(client);
    return {
      ...rows[0]!,
      relinked: job.relinked,
      followed: followed + swapped.events,
      heldMs: swapped.heldMs,
    };
  });
}

/** Drops what an unfinished rebuild has built; the live projection was never touched by it. False: there was none. */
export async function abandonRebuild(pool: Pool): Promise<boolean> {
  return holdingRebuild(pool, async (client) => {
    const there = (await readJob(client)) !== undefined;
    await clearShadow(client);
    return there;
  });
}

/**
 * Somebody's events were deleted in this transaction: an unfinished rebuild has folded them. One that runs begins anew before
 * it swaps; what one that rests has built is dropped here.
 */
export async function forgetInRebuild(client: PoolClient): Promise<void> {
  await client.query('update public.rebuild_job set begin_anew = true');
  const rests = await client.query<{ rests: boolean }>('select pg_try_advisory_xact_lock($1) as rests', [
    advisoryLocks.rebuild,
  ]);
  if (rests.rows[0]!.rests) await clearShadow(client);
}
