import type { RecordBatch } from '#libs/event-log';
import { primaryKeyOf, type LeadEvent, type SubjectKey } from '#libs/leads/domain';
import type { Queryable, StatementPipeline } from '#libs/platform';
import { rulebookLock } from '../rulebook.store.js';
import { readPlaces, type KeyPlaces } from '../store/identity.store.js';
import { takeFence, type Fence } from '../store/offset.store.js';
import type { DecodedBatch } from './decode.js';
import { identityChange } from './identity-change.js';
import { isFact, nothingJudged, waitingFor } from './judgement.projection.js';
import { arrivalsOf, storeEvents, type StoredBatch } from './store-events.js';

/** The partition's row says otherwise than was assumed: everything is undone, and done again from where the row says. */
export class FenceMoved extends Error {
  constructor(readonly fence: Fence) {
    super('the partition is elsewhere');
  }
}

export interface FirstRound extends StoredBatch {
  fence: Fence;
  /** Judgements that wait for one of the fresh events. */
  waiting: { event: string; target: string }[];
  places: KeyPlaces;
}

/**
 * One journey to the server: the locks, the events and who their keys are. The records were decoded for a fence at `from`;
 * nearly always it stands there, and nothing has to be asked before storing.
 */
export async function firstRound(
  db: StatementPipeline,
  { topic, partition }: RecordBatch,
  decoded: DecodedBatch,
  from: number,
  isolate: boolean,
): Promise<FirstRound> {
  db.later(lockRulebookShared(db));
  const fencing = takeFence(db, topic, partition);
  // halves are tried one after the other: nothing may be asked between them
  if (isolate) assertAt(await fencing, from);
  const arrivals = arrivalsOf(decoded);
  const events = arrivals.first.map(({ event }) => event);
  const storing = storeEvents(db, arrivals, isolate);
  if (isolate) await storing;
  const [fence, stored, waiting, places] = await Promise.all([
    fencing,
    storing,
    waitingFor(
      db,
      events.map((event) => event.id),
    ),
    readPlaces(db, [...keysOf(events)]),
  ]);
  assertAt(fence, from);
  if (waiting.length === 0) return { ...stored, fence, waiting, places };
  const fresh = new Set(stored.fresh.map(({ event }) => event.id));
  return { ...stored, fence, waiting: waiting.filter(({ target }) => fresh.has(target)), places };
}

function assertAt(fence: Fence, from: number): void {
  if (fence.stopped !== null || fence.next !== from) throw new FenceMoved(fence);
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
