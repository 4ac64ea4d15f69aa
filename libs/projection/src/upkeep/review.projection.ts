import { inPipelinedTransaction, type Pool, type Queryable, type StatementPipeline } from '#libs/platform';
import { lockRulebookShared } from '../batch/first-round.projection.js';
import { awaitedIn, type Look } from '../domain/index.js';
import { untold } from '../batch/awaited-flips.js';
import { identityChange } from '../batch/identity-change.js';
import { nothingJudged } from '../batch/judgement.projection.js';
import type { Refolded } from '../batch/refold.projection.js';
import { revisionOf } from '../batch/remember.js';
import { bringUpToDate, nowOf, settle, type MadeDecision } from '../batch/settle.projection.js';
import type { Step } from '../batch/step.js';
import { writeStep, type RowWriter, type Settled } from '../batch/write.projection.js';
import type { ProjectionContext } from '../projection-context.js';
import { plainArray } from '../store/arrays.js';
import { emptyPlaces } from '../store/identity.store.js';
import { lockLeads, type LockedLead } from '../store/lead.store.js';
import { dateBatch, openBatch, type Batch } from '../store/offset.store.js';
import { mostLeads, takeDue, takeOlder, type TakenLead } from '../store/review.store.js';
import { inPart, untouchedBy } from './review-rows.js';
import { repeating } from './sweep.projection.js';

/** Leads whose next change has come. A batch that holds one goes first: its row is skipped, and reviewed by that batch. */
export const reviewDue = (pool: Pool, context: ProjectionContext, most = mostLeads): Promise<number> =>
  review(pool, context, (client) => takeDue(client, most));

/** Where the last full take of a pool's ended: after a publish everybody is older, and nobody is passed over again and again. */
const tookUpTo = new WeakMap<Pool, number>();

/** Leads that were last looked at under an older rulebook: quietly, from their counters, or back-filled where a signal is new. */
export async function reviewOlderRulebook(pool: Pool, context: ProjectionContext, most = mostLeads): Promise<number> {
  const from = tookUpTo.get(pool) ?? 0;
  const taken = await review(
    pool,
    context,
    (client) => takeOlder(client, from, most),
    (last) => tookUpTo.set(pool, last),
  );
  if (taken === most) return taken;
  tookUpTo.delete(pool);
  // what lies before was perhaps left over: locked by a batch, or of a publish meanwhile
  return from === 0 ? taken : taken + (await reviewOlderRulebook(pool, context, most));
}

/** Returns how many leads it took, 500 at most. */
function review(
  pool: Pool,
  context: ProjectionContext,
  take: (client: StatementPipeline) => Promise<TakenLead[]>,
  tookLast: (id: number) => void = () => undefined,
): Promise<number> {
  return repeating(() =>
    inPipelinedTransaction(pool, async (client) => {
      client.later(lockRulebookShared(client));
      const taken = await take(client);
      if (taken.length === 0) return 0;
      const opened = await openBatch(client);
      const leads = new Map(taken.sort((a, b) => a.id - b.id).map((lead) => [lead.id, lead]));
      const step = await stepOver(client, context, opened, leads, new Set(visitorsOf(taken)));
      const untouched = await untouchedBy(step, taken);
      await settleAll(step, opened, (made) => inPart(step, untouched, made));
      tookLast(taken.at(-1)!.id);
      return taken.length;
    }),
  );
}

const visitorsOf = (taken: readonly TakenLead[]): number[] =>
  taken.filter(({ visitor }) => visitor).map(({ id }) => id);

/** The ordinary step without events, over leads that somebody else chose and locks. */
export async function reviewLocked(
  client: StatementPipeline,
  context: ProjectionContext,
  ids: readonly number[],
  refolded: ReadonlyMap<number, Refolded> = new Map(),
): Promise<void> {
  const opened = await openBatch(client);
  const leads = await lockLeads(client, ids);
  const step = await stepOver(client, context, opened, leads, await visitorsAmong(client, ids));
  for (const [root, { state, memory }] of refolded) {
    const lead = leads.get(root)!;
    Object.assign(lead, { state, refoldPending: false, rulebook: opened.version });
    step.heldBefore.set(root, untold);
    // a key that came may name a later record than any of the lead's own
    if (revisionOf(memory) > revisionOf(lead.memory)) lead.memory = memory!;
  }
  await settleAll(step, opened);
}

async function stepOver(
  client: StatementPipeline,
  context: ProjectionContext,
  opened: Batch,
  leads: Map<number, LockedLead>,
  visitors: ReadonlySet<number>,
): Promise<Step> {
  const rulebook = await context.rulebook(client, opened.version);
  return {
    client,
    context,
    rulebook,
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
    awaited: awaitedIn(opened.listeners, rulebook),
    heldBefore: new Map(),
    companyBefore: new Map(),
    visitors,
    looks: new Map(),
  };
}

async function settleAll(
  step: Step,
  opened: Batch,
  rowsFor?: (made: readonly MadeDecision[]) => RowWriter,
): Promise<void> {
  const made: MadeDecision[] = [];
  await bringUpToDate(step, made);
  const settled: Settled[] = [];
  for (const lead of step.leads.values()) {
    const look = lead.refoldPending || lead.mixed ? undefined : (sameDay(step, lead) ?? settleNow(step, lead, made));
    settled.push({ lead, look });
  }
  if ((await writeStep(step, settled, made, new Set(opened.listeners), rowsFor?.(made))) > 0)
    step.client.later(step.client.query('notify leadfold_outbox'));
}

const settleNow = (step: Step, lead: LockedLead, made: MadeDecision[]): Look =>
  settle(step, lead, 'time', nowOf(step, lead), made);

/** A look compares days, and the same look again decides nothing: one that was just made of today is the one of now. */
function sameDay(step: Step, lead: LockedLead): Look | undefined {
  const look = step.looks!.get(lead.id);
  const now = nowOf(step, lead);
  if (!look || look.day !== step.rulebook.zone.localDay(now) || look.nextChangeAt <= now) return undefined;
  lead.lookedAt = now;
  return look;
}

/** A root lead was minted for its oldest key: a browser's, if nobody is known. */
export async function visitorsAmong(client: Queryable, ids: readonly number[]): Promise<Set<number>> {
  const result = await client.query<{ lead: number }>(
    `select lead from subject_key where lead = any($1::bigint[]) and left(key, 2) = 'a:'`,
    [plainArray(ids)],
  );
  return new Set(result.rows.map((row) => row.lead));
}
