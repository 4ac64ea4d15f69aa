import { primaryKeyOf, type LeadEvent, type SubjectKey } from '#libs/leads/domain';
import type { Queryable, StatementPipeline } from '#libs/platform';
import { rulebookLock } from '../rulebook.store.js';
import { readPlaces, type KeyPlaces } from '../store/identity.store.js';
import { takeFences, type Fence, type OpenedBatch } from '../store/offset.store.js';
import { identityChange } from './identity-change.js';
import { isFact, nothingJudged, waitingFor } from './judgement.projection.js';
import type { Part } from './part.js';
import { arrivalsOf, storeEvents, type StoredBatch } from './store-events.js';

/** The partition's row says otherwise than was assumed: everything is undone, and done again from where the row says. */
export class FenceMoved extends Error {
  constructor(readonly fence: Fence) {
    super('the partition is elsewhere');
  }
}

export interface FirstRound extends StoredBatch {
  opened: OpenedBatch;
  /** Judgements that wait for one of the fresh events. */
  waiting: { event: string; target: string }[];
  places: KeyPlaces;
}

/**
 * One journey to the server: the locks, the events and who their keys are. The records were decoded for fences at `from`;
 * nearly always they stand there, and nothing has to be asked before storing.
 */
export async function firstRound(db: StatementPipeline, parts: readonly Part[], isolate: boolean): Promise<FirstRound> {
  db.later(lockRulebookShared(db));
  const fencing = takeFences(
    db,
    parts[0]!.batch.topic,
    parts.map(({ batch }) => batch.partition),
  );
  // halves are tried one after the other: nothing may be asked between them
  if (isolate) assertFences(await fencing, parts);
  const arrivals = arrivalsOf(parts);
  const events = arrivals.first.map(({ event }) => event);
  const storing = storeEvents(db, arrivals, isolate);
  if (isolate) await storing;
  const [opened, stored, waiting, places] = await Promise.all([
    fencing,
    storing,
    waitingFor(
      db,
      events.map((event) => event.id),
    ),
    readPlaces(db, [...keysOf(events)]),
  ]);
  assertFences(opened, parts);
  if (waiting.length === 0) return { ...stored, opened, waiting, places };
  const fresh = new Set(stored.fresh.map(({ event }) => event.id));
  return { ...stored, opened, waiting: waiting.filter(({ target }) => fresh.has(target)), places };
}

function assertFences(opened: OpenedBatch | undefined, parts: readonly Part[]): asserts opened is OpenedBatch {
  for (const { batch, from } of parts) {
    const fence = opened?.fences.get(batch.partition);
    if (!fence) throw new Error(`partition ${batch.topic}/${batch.partition} has no offset row`);
    if (fence.stopped !== null || fence.next !== from) throw new FenceMoved(fence);
  }
}

/** Every key that these events can name while nobody has judged them. */
function keysOf(events: readonly LeadEvent[]): Set<SubjectKey> {
  const { keys } = identityChange(events, nothingJudged);
  for (const event of events) {
    const key = isFact(event) ? primaryKeyOf(event) : undefined;
    if (key !== undefined) keys.add(key);
  }
  return keys;
}

/** Shared with every batch, exclusive for a publish: the version read afterwards stays the live one until the commit. */
export const lockRulebookShared = (client: Queryable) =>
  client.query({
    name: 'leadfold-rulebook-lock',
    text: 'select pg_advisory_xact_lock_shared($1)',
    values: [rulebookLock],
  });
