import {
  apartOf,
  identityOf,
  primaryKeyOf,
  type LeadEvent,
  type LeadMemory,
  type SubjectKey,
} from '#libs/leads/domain';
import { StatementPipeline, type PoolClient } from '#libs/platform';
import { foldFresh } from '../batch/fold-fresh.js';
import { isFact, waitingFor, writeUnapplied } from '../batch/judgement.projection.js';
import { refold } from '../batch/run-step.projection.js';
import { openScope } from '../batch/scope.projection.js';
import type { Step } from '../batch/step.js';
import { restructure } from '../batch/structure.projection.js';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import { plainArray, textArray } from '../store/arrays.js';
import { eventColumns, eventOf, type EventRow } from '../store/event.store.js';
import { between, type Cut } from './cut.js';
import { lockAlso, settleFollowed } from './settle-followed.projection.js';
import { setCut } from './job.store.js';
import { showEventsBefore } from './shadow.store.js';

export interface FollowOptions {
  rulebook: Rulebook;
  context: ProjectionContext;
  /** While batches wait: a history too long for one of them is left to the upkeep, marked as pending. */
  hurried: boolean;
}

/** Rows about who is who name the batch of their event; written first with this one, which no event has. */
const unknownBatch = 0;

/**
 * Takes the new projection from one cut to the next by the same steps as a batch: what came is added, leads are joined and
 * parted, what was judged is refolded. It decides nothing; memory is read from the records that came. One transaction.
 * Returns how many events there were.
 */
export async function followTo(client: PoolClient, from: Cut, to: Cut, options: FollowOptions): Promise<number> {
  await showEventsBefore(client, to);
  await setCut(client, to);
  const { rows } = await client.query<EventRow>(
    `select ${eventColumns} from public.event e where ${between(from, to, 'e.batch')}`,
  );
  const pending = await client.query<{ id: number }>('select id from lead where refold_pending');
  if (rows.length + pending.rows.length === 0) return 0;
  const events = rows.map(eventOf);
  await addMissingLeads(client, events);
  const { step, remembered } = await follow(
    client,
    events.filter((event) => event.type !== 'decision'),
    pending.rows.map(({ id }) => id),
    options,
  );
  await settleFollowed(client, step, rows, remembered, options.hurried);
  await step.client.settled();
  const stated = plainArray(step.change.stated.map(({ event }) => event));
  for (const table of ['link', 'identification', 'skipped_identification', 'apart'])
    await client.query(
      `update ${table} t set batch = e.batch from public.event e where t.event = any($1::uuid[]) and e.id = t.event and t.batch = ${unknownBatch}`,
      [stated],
    );
  return rows.length;
}

async function follow(
  client: PoolClient,
  fresh: LeadEvent[],
  pending: readonly number[],
  { rulebook, context }: FollowOptions,
): Promise<{ step: Step; remembered: Map<number, LeadMemory> }> {
  const freshIds = new Set(fresh.map((event) => event.id));
  const waiting = await waitingFor(client, freshIds);
  const question = { fresh: fresh.filter((event) => !isFact(event)), waiting, freshIds };
  const db = new StatementPipeline(client);
  const batch = unknownBatch;
  await client.query('delete from rebuild.batch');
  const { judged, change, places, rejoined, anons, leads } = await openScope({
    client: db,
    context,
    rulebook,
    batch,
    listeners: new Set(),
    fresh,
    question,
  });
  const step: Step = {
    client: db,
    context,
    rulebook,
    batch,
    now: 0,
    fresh,
    judged,
    change,
    places,
    leads,
    refold: new Set(pending),
    touched: new Map(),
    causes: new Map(),
    reshaped: new Set(),
    settledFirst: new Set(),
    refoldedFirst: new Set(),
    rootAfter: new Map(),
    timelineAfter: new Map(),
    awaited: undefined,
    heldBefore: new Map(),
    companyBefore: new Map(),
    visitors: new Set(),
  };
  await lockAlso(step, pending);
  const remembered = new Map([...leads].map(([id, { memory }]) => [id, memory]));
  if (change.stated.length + judged.facts.length > 0) await restructure(step, rejoined, anons);
  else await writeUnapplied(db, judged);
  foldFresh(step);
  await refold(step);
  // whose record is whose is asked next, of what was left for later here
  await db.settled();
  return { step, remembered };
}

/** Keys that were minted since the cut have no lead here yet. */
async function addMissingLeads(client: PoolClient, events: readonly LeadEvent[]): Promise<void> {
  const keys = new Set<SubjectKey>();
  for (const event of events) {
    const { link, identifications } = identityOf(event, 'human');
    const apart = apartOf(event);
    for (const pair of [link, apart]) if (pair) keys.add(pair.a).add(pair.b);
    for (const { anon, strong } of identifications) keys.add(`a:${anon}`).add(strong);
    const own = primaryKeyOf(event);
    if (own !== undefined) keys.add(own);
  }
  await client.query(
    `insert into lead (id) select s.lead from subject_key s where s.key = any($1::text[])
      and not exists (select 1 from lead l where l.id = s.lead)`,
    [textArray([...keys])],
  );
}
