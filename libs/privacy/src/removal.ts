import { eraseDeliveries, eraseFacts, eraseNotices } from '#libs/delivery';
import { eraseRuns } from '#libs/nurture';
import { audit, type PoolClient } from '#libs/platform';
import {
  forgetLeads,
  lockOutBatches,
  removeFacts,
  removeMentions,
  type ProjectionContext,
  type RemovedFact,
} from '#libs/projection';
import { addressPattern } from './domain/index.js';
import { countErased } from './erased-count.store.js';
import {
  addTo,
  closeErasure,
  lockErasure,
  saveErasure,
  writeErasedIds,
  writeErasedKeys,
  type OpenErasure,
} from './erasure.store.js';
import { blankAudit, blankLog, blankQuarantine } from './traces.store.js';

const slice = 5_000;

/** One slice of the facts; true when there may be more. */
export async function removeSlice(client: PoolClient, context: ProjectionContext, id: string): Promise<boolean> {
  const open = await lockErasure(client, id);
  return open ? (await takeFacts(client, context, open)) >= slice : false;
}

/** Reads one part of all events for the addresses; where to go on, while there is more. */
export async function removeMentioned(
  client: PoolClient,
  context: ProjectionContext,
  id: string,
  from: number,
): Promise<number | undefined> {
  const open = await lockErasure(client, id);
  if (!open || open.pending.emails.length === 0) return undefined;
  const { person, emails } = open.pending;
  const mentions = emails.map((text) => ({ text, pattern: addressPattern(text) }));
  const { removed, next } = await removeMentions(client, person, context.zone.name, mentions, from);
  await account(client, open, removed);
  return next;
}

/**
 * What came since the slices, and who the person was: while no batch is under way, so that none of them folds a fact of
 * somebody who is not there any more.
 */
export async function removeLeads(client: PoolClient, context: ProjectionContext, id: string): Promise<void> {
  await lockOutBatches(client);
  const open = await lockErasure(client, id);
  if (!open) return;
  while ((await takeFacts(client, context, open)) >= slice);
  const { person, touchedKeys: keys, touchedBrowsers: browsers } = open.pending;
  const { removed, counted } = await forgetLeads(client, context, person, { keys, browsers });
  const day = await today(client, context);
  await countErased(
    client,
    counted.map(({ stage, visitor }) => ({ day, measure: visitor ? 'visitor' : 'lead', name: stage ?? '' })),
  );
  // what was stated while the slices were removed occurred later than the first row of keys says
  await writeErasedKeys(client, id, person, open.logUntil);
  addTo(open.removed, removed);
  await saveErasure(client, open);
  await client.query('update erasure set forgotten_in = pg_current_xact_id() where id = $1', [id]);
}

/** What others hold about the person. Nothing new comes: the lead is gone, and each queue is emptied from its front. */
export async function removeTraces(
  client: PoolClient,
  context: ProjectionContext,
  id: string,
  actor: string,
): Promise<void> {
  const open = await lockErasure(client, id);
  if (!open) return;
  const { person, emails } = open.pending;
  const erased = { leads: person.leads, keys: person.keys, emails, zone: context.zone.name };
  const outbox = await eraseNotices(client, erased);
  const { runs, logged } = await eraseRuns(client, erased);
  const deliveries = await eraseDeliveries(client, erased);
  await writeErasedIds(client, id, { deliveries: deliveries.map((row) => row.id) });
  await countErased(client, [
    ...runs.map(({ day, name }) => ({ day, measure: 'run' as const, name })),
    ...deliveries.map(({ day, name }) => ({ day, measure: 'delivery' as const, name })),
  ]);
  addTo(open.removed, {
    outbox,
    run: runs.length,
    run_log: logged,
    delivery: deliveries.length,
    fact_outbox: await eraseFacts(client, erased),
    quarantine: await blankQuarantine(client, open.pending),
    log_record: await blankLog(client, open.pending),
    audit_log: await blankAudit(client, id, open.pending),
  });
  await audit(client, { actor, action: 'lead.erased', target: id, details: open.removed });
  await closeErasure(client, open);
}

async function takeFacts(client: PoolClient, context: ProjectionContext, open: OpenErasure): Promise<number> {
  const removed = await removeFacts(client, open.pending.person, context.zone.name, slice);
  await account(client, open, removed);
  return removed.length;
}

/** What is gone is counted, and whom it touched remembered. */
async function account(client: PoolClient, open: OpenErasure, removed: readonly RemovedFact[]): Promise<void> {
  if (removed.length === 0) return;
  await countErased(client, removed.map(countedAs));
  await writeErasedIds(client, open.id, { events: removed.filter((fact) => fact.judged).map((fact) => fact.id) });
  const decisions = removed.filter((fact) => fact.kind === 'decision').length;
  addTo(open.removed, { facts: removed.length - decisions, decisions });
  const { pending } = open;
  const others = (now: string[], more: (string | undefined)[]): string[] => [
    ...new Set([...now, ...more.filter((name) => name !== undefined)]),
  ];
  pending.touchedKeys = others(
    pending.touchedKeys,
    removed.map((fact) => fact.otherKey),
  );
  pending.touchedBrowsers = others(
    pending.touchedBrowsers,
    removed.map((fact) => fact.otherBrowser),
  );
  await saveErasure(client, open);
}

const countedAs = (fact: RemovedFact) =>
  fact.decision === null
    ? { day: fact.day, measure: 'fact' as const, name: fact.type }
    : { day: fact.day, measure: 'decision' as const, name: fact.decision };

async function today(client: PoolClient, context: ProjectionContext): Promise<string> {
  const result = await client.query<{ day: string }>(
    `select to_char(leadfold_now() at time zone $1, 'YYYY-MM-DD') as day`,
    [context.zone.name],
  );
  return result.rows[0]!.day;
}
