import {
  advisoryLocks,
  inPipelinedTransaction,
  type Pool,
  type PoolClient,
  type StatementPipeline,
} from '#libs/platform';
import { lockRulebookShared } from '../batch/first-round.projection.js';
import { refoldInSlices, unseenBatches, type Unseen } from '../batch/refold-slices.projection.js';
import {
  foldHistory,
  historyEvents,
  judgementsOf,
  readOwnership,
  take,
  type HistoryRow,
  type Refolded,
} from '../batch/refold.projection.js';
import type { ProjectionContext } from '../projection-context.js';
import { plainArray } from '../store/arrays.js';
import { lockLeads } from '../store/lead.store.js';
import { openBatch } from '../store/offset.store.js';
import { reviewLocked } from './review.projection.js';
import { repeating } from './sweep.projection.js';

interface Draft extends Refolded {
  lead: number;
  version: number;
  rulebook: number;
  unseen: Unseen;
}

/**
 * Refolds one lead whose history was too long for a batch. It is read from a snapshot, in slices and without a lock, while
 * batches of this lead and all others go on; what they stored meanwhile is added under the lead's lock, and the lead is
 * looked at quietly. Until then it has kept its state and decided nothing. Returns whether there was one.
 */
export async function refoldOnePending(pool: Pool, context: ProjectionContext): Promise<boolean> {
  const reading = await pool.connect();
  let broken: Error | undefined;
  try {
    await reading.query('begin isolation level repeatable read read only');
    await reading.query('set local statement_timeout = 0');
    await reading.query('set local idle_in_transaction_session_timeout = 0');
    const draft = await draftOne(reading, context);
    if (draft) await repeating(() => inPipelinedTransaction(pool, (client) => finish(client, context, draft)));
    return draft !== undefined;
  } finally {
    await reading.query('rollback').catch((error: Error) => (broken = error));
    reading.release(broken);
  }
}

async function draftOne(snapshot: PoolClient, context: ProjectionContext): Promise<Draft | undefined> {
  const found = await snapshot.query<{ lead: number; version: number; rulebook: number }>(
    `select id as lead, version, (select version from rulebook_publish order by id desc limit 1) as rulebook
      from (select id, version from lead where refold_pending and merged_into is null order by id limit 20) as pending
      where pg_try_advisory_xact_lock(${advisoryLocks.longRefold}, (id % 2147483647)::int) limit 1`,
  );
  const pending = found.rows[0];
  if (!pending) return undefined;
  const unseen = await unseenBatches(snapshot);
  const rulebook = await context.rulebook(snapshot, pending.rulebook);
  return { ...pending, unseen, ...(await refoldInSlices(snapshot, pending.lead, rulebook, context)) };
}

/** A version raised meanwhile says that events came or went otherwise than by addition: the next round begins anew. */
async function finish(client: StatementPipeline, context: ProjectionContext, draft: Draft): Promise<void> {
  await lockRulebookShared(client);
  const opened = await openBatch(client);
  const lead = (await lockLeads(client, [draft.lead])).get(draft.lead);
  if (!lead?.refoldPending || lead.mergedInto !== null) return;
  if (lead.version !== draft.version || opened.version !== draft.rulebook) return;
  const rulebook = await context.rulebook(client, draft.rulebook);
  const ownership = await readOwnership(client, [draft.lead]);
  const { after, underWay } = draft.unseen;
  const since = await client.query<HistoryRow>(historyEvents('$1', '(e.batch > $2 or e.batch = any($3::bigint[]))'), [
    plainArray([draft.lead]),
    after,
    plainArray(underWay),
  ]);
  for (const row of since.rows) take(row, ownership);
  const { events } = ownership.histories.get(draft.lead)!;
  const judgements = await judgementsOf(
    client,
    events.map((event) => event.id),
  );
  // a copy: this transaction may have to be repeated
  const state = foldHistory(events, judgements, rulebook, context, structuredClone(draft.state));
  await reviewLocked(client, context, [draft.lead], new Map([[draft.lead, { state }]]));
}
