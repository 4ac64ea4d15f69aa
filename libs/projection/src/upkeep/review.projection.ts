import type { LeadState } from '#libs/leads/domain';
import { inPipelinedTransaction, type Pool, type Queryable, type StatementPipeline } from '#libs/platform';
import { lockRulebookShared } from '../batch/first-round.projection.js';
import { awaitedIn } from '../domain/index.js';
import { identityChange } from '../batch/identity-change.js';
import { nothingJudged } from '../batch/judgement.projection.js';
import { bringUpToDate, nowOf, settle, type MadeDecision } from '../batch/settle.projection.js';
import type { Step } from '../batch/step.js';
import { writeStep, type Settled } from '../batch/write.projection.js';
import type { ProjectionContext } from '../projection-context.js';
import { plainArray } from '../store/arrays.js';
import { emptyPlaces } from '../store/identity.store.js';
import { lockLeads } from '../store/lead.store.js';
import { dateBatch, openBatch } from '../store/offset.store.js';
import { repeating } from './sweep.projection.js';

const mostLeads = 500;

/** Leads whose next change has come. A batch that holds one goes first: its row is skipped, and reviewed by that batch. */
export const reviewDue = (pool: Pool, context: ProjectionContext): Promise<number> =>
  reviewWhere(
    pool,
    context,
    `join lead_rank k on k.lead = l.id where k.next_change_at <= leadfold_now() and l.merged_into is null and not l.refold_pending order by k.next_change_at`,
  );

/** Where the last full take of a pool's ended: after a publish everybody is older, and nobody is passed over again and again. */
const tookUpTo = new WeakMap<Pool, number>();

/** Leads that were last looked at under an older rulebook: quietly, from their counters, or back-filled where a signal is new. */
export async function reviewOlderRulebook(pool: Pool, context: ProjectionContext): Promise<number> {
  const from = tookUpTo.get(pool) ?? 0;
  const taken = await reviewWhere(
    pool,
    context,
    `where l.id > ${from} and l.rulebook > 0 and l.rulebook <> (select version from rulebook_publish order by id desc limit 1)
      and l.merged_into is null and not l.mixed and not l.refold_pending order by l.id`,
    (last) => tookUpTo.set(pool, last),
  );
  if (taken === mostLeads) return taken;
  tookUpTo.delete(pool);
  // what lies before was perhaps left over: locked by a batch, or of a publish meanwhile
  return from === 0 ? taken : taken + (await reviewOlderRulebook(pool, context));
}

/** Returns how many leads it took, 500 at most. */
function reviewWhere(
  pool: Pool,
  context: ProjectionContext,
  which: string,
  tookLast: (id: number) => void = () => undefined,
): Promise<number> {
  return repeating(() =>
    inPipelinedTransaction(pool, async (client) => {
      await lockRulebookShared(client);
      const due = await client.query<{ id: number }>(
        `select l.id from lead l ${which} limit ${mostLeads} for update of l skip locked`,
      );
      if (due.rows.length === 0) return 0;
      await reviewLocked(
        client,
        context,
        due.rows.map((row) => row.id),
      );
      tookLast(due.rows.at(-1)!.id);
      return due.rows.length;
    }),
  );
}

/** The ordinary step without events. The rows are read again under their locks, so nobody is reviewed who is no longer due. */
export async function reviewLocked(
  client: StatementPipeline,
  context: ProjectionContext,
  ids: readonly number[],
  refolded: ReadonlyMap<number, LeadState> = new Map(),
): Promise<void> {
  const opened = await openBatch(client);
  const leads = await lockLeads(client, ids);
  const step: Step = {
    client,
    context,
    rulebook: await context.rulebook(client, opened.version),
    batch: opened.batch,
    now: await dateBatch(client, opened.batch, opened.version),
    fresh: [],
    judged: nothingJudged,
    change: identityChange([], nothingJudged),
    places: emptyPlaces(),
    leads,
    refold: new Set(),
    touched: new Map(),
    causes: new Map(),
    reshaped: new Set(),
    settledFirst: new Set(),
    refoldedFirst: new Set(),
    rootAfter: new Map(),
    timelineAfter: new Map(),
    awaited: undefined,
    heldBefore: new Map(),
    visitors: await visitorsAmong(client, ids),
  };
  step.awaited = awaitedIn(opened.listeners, step.rulebook);
  const made: MadeDecision[] = [];
  for (const [root, state] of refolded)
    Object.assign(leads.get(root)!, { state, refoldPending: false, rulebook: opened.version });
  await bringUpToDate(step, made);
  const settled = [...leads.values()].map((lead): Settled => ({
    lead,
    look: lead.refoldPending || lead.mixed ? undefined : settle(step, lead, 'time', nowOf(step, lead), made),
  }));
  if ((await writeStep(step, settled, made, new Set(opened.listeners))) > 0)
    client.later(client.query('notify leadfold_outbox'));
}

/** A root lead was minted for its oldest key: a browser's, if nobody is known. */
export async function visitorsAmong(client: Queryable, ids: readonly number[]): Promise<Set<number>> {
  const result = await client.query<{ lead: number }>(
    `select lead from subject_key where lead = any($1::bigint[]) and left(key, 2) = 'a:'`,
    [plainArray(ids)],
  );
  return new Set(result.rows.map((row) => row.lead));
}
