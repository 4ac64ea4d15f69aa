import {
  anonKey,
  emailKey,
  emptyState,
  foldEvent,
  ownerAt,
  userKey,
  type EventType,
  type FoldContext,
  type Identification,
  type LeadEvent,
  type LeadMemory,
  type LeadState,
  type SubjectKey,
} from '#libs/leads/domain';
import { DomainError, fp, type PoolClient } from '#libs/platform';
import { judgementsOf } from '../batch/refold.projection.js';
import { revisionOf } from '../batch/remember.js';
import { foldContextOf } from '../domain/index.js';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import { copiedRows, copyIn, copyLine, type CopiedRow } from './copy-rows.js';
import { before, type Cut } from './cut.js';

export interface PartTask {
  part: number;
  parts: number;
  cut: Cut;
  /** Pages of `event` at the cut. */
  pages: number;
}

export interface PartReport {
  /** Pages read, or leads written, since the last report. */
  onProgress(done: number): void;
  stopped(): boolean;
}

/** What one owner's events of this part add up to; states of the same lead are added later. */
interface Gathered {
  state?: LeadState;
  memory?: LeadMemory;
}

const pagesAtOnce = 2_000;
/** What a killed process loses at the most, and what a part holds in memory. */
const flushAfterEvents = 800_000;
const flushAfterOwners = 60_000;

/**
 * Folds every event of this part before the cut, in the order in which they lie: states add up, so order does not matter.
 * What was read is written with how far it was read, in one transaction, so a killed rebuild goes on from there.
 */
export async function foldPart(
  client: PoolClient,
  task: PartTask,
  rulebook: Rulebook,
  context: ProjectionContext,
  report: PartReport,
): Promise<void> {
  const found = await client.query<{ next: number }>('select next_page as next from part where part = $1', [task.part]);
  let flushed = found.rows[0]!.next;
  const fold = foldContextOf(rulebook, context.zone, () => undefined);
  const reader = { client, task, fold, timelines: await readTimelines(client), judged: await anyJudged(client) };
  let gathered = new Map<SubjectKey, Gathered>();
  let events = 0;
  for (let page = flushed; page < task.pages && !report.stopped();) {
    const next = Math.min(task.pages, page + pagesAtOnce);
    events += await readPages(reader, page, next, gathered);
    report.onProgress(next - page);
    page = next;
    if (page < task.pages && events < flushAfterEvents && gathered.size < flushAfterOwners && !report.stopped())
      continue;
    await flush(client, task.part, flushed, page, events, gathered);
    fp('rebuild.after_flush');
    flushed = page;
    gathered = new Map();
    events = 0;
  }
}

interface Reader {
  client: PoolClient;
  task: PartTask;
  /** Of events that nobody has judged. */
  fold: FoldContext;
  timelines: ReadonlyMap<string, Identification[]>;
  judged: boolean;
}

async function readTimelines(client: PoolClient): Promise<Map<string, Identification[]>> {
  const timelines = new Map<string, Identification[]>();
  const rows = copiedRows(
    client,
    'select anon, (extract(epoch from at) * 1000)::bigint, event, strong from identification',
  );
  for await (const group of rows)
    for (const [anon, at, event, strong] of group) {
      const known = timelines.get(anon!);
      const row = { at: Number(at), event: event!, strong: strong! };
      if (known) known.push(row);
      else timelines.set(anon!, [row]);
    }
  return timelines;
}

const anyJudged = async (client: PoolClient): Promise<boolean> =>
  (await client.query('select 1 from public.event where refers_to is not null limit 1')).rowCount === 1;

const columns = `e.id, e.type, e.source, e.uid, e.email, e.anon, (extract(epoch from e.occurred_at) * 1000)::bigint,
  case when e.type = 'decision' then e.body -> 'memory' else e.body end`;

async function readPages(
  reader: Reader,
  from: number,
  to: number,
  gathered: Map<SubjectKey, Gathered>,
): Promise<number> {
  const { client, task, fold } = reader;
  const rows = copiedRows(
    client,
    `select ${columns} from public.event e where e.ctid >= '(${from},0)'::tid and e.ctid < '(${to},0)'::tid
      and e.kind not in ('judgement', 'retraction') and ${before(task.cut, 'e.batch')}
      ${task.parts > 1 ? `and abs(hashtext(coalesce(e.uid, e.email, e.anon)) % ${task.parts}) = ${task.part}` : ''}`,
  );
  const waiting: { owner: SubjectKey; event: LeadEvent }[] = [];
  let read = 0;
  for await (const group of rows) {
    read += group.length;
    for (const row of group) {
      if (row[1] === 'decision') {
        remember(gathered, row);
        continue;
      }
      const event = eventOf(row);
      const owner = ownerOf(event, reader.timelines);
      if (reader.judged) waiting.push({ owner, event });
      else foldEvent((gatheredOf(gathered, owner).state ??= emptyState()), event, fold);
    }
  }
  if (waiting.length > 0) {
    const judgements = await judgementsOf(
      client,
      waiting.map(({ event }) => event.id),
    );
    const judgedFold = { ...fold, verdictOf: judgements.verdictOf };
    for (const { owner, event } of waiting)
      if (!judgements.withdrawn(event.id))
        foldEvent((gatheredOf(gathered, owner).state ??= emptyState()), event, judgedFold);
  }
  return read;
}

function gatheredOf(gathered: Map<SubjectKey, Gathered>, owner: SubjectKey): Gathered {
  const known = gathered.get(owner);
  if (known) return known;
  const fresh = {};
  gathered.set(owner, fresh);
  return fresh;
}

/** A state keeps ids, and an id cut out of what was read would keep all of that: as part of the document it is a text of its own. */
const withId = (id: string, body: string): string => `{"id":"${id}"${body.length > 2 ? ',' : ''}${body.slice(1)}`;

function eventOf([id, type, source, uid, email, anon, at, body]: CopiedRow): LeadEvent {
  const event = JSON.parse(withId(id!, body!)) as LeadEvent;
  event.type = type as EventType;
  event.source = source!;
  event.occurredAt = Number(at);
  if (anon != null) event.anonymousId = anon;
  if (uid != null) event.userId = uid;
  if (email != null) event.email = email;
  return event;
}

function ownerOf(event: LeadEvent, timelines: ReadonlyMap<string, Identification[]>): SubjectKey {
  if (event.userId !== undefined) return userKey(event.userId);
  if (event.email !== undefined) return emailKey(event.email);
  const rows = timelines.get(event.anonymousId!);
  return (rows && ownerAt(rows, event.occurredAt)) ?? anonKey(event.anonymousId!);
}

/** A decision names its key itself: whose the browser's events are does not matter. */
function remember(gathered: Map<SubjectKey, Gathered>, [, , , uid, email, anon, , memory]: CopiedRow): void {
  if (memory === null) return;
  const own = gatheredOf(gathered, uid != null ? userKey(uid) : email != null ? emailKey(email) : anonKey(anon!));
  const recorded = JSON.parse(memory!) as LeadMemory;
  if (revisionOf(recorded) > revisionOf(own.memory)) own.memory = recorded;
}

async function flush(
  client: PoolClient,
  part: number,
  from: number,
  to: number,
  events: number,
  gathered: ReadonlyMap<SubjectKey, Gathered>,
): Promise<void> {
  const lines: string[] = [];
  for (const [key, { state, memory }] of gathered)
    lines.push(copyLine([key, state ? JSON.stringify(state) : null, memory ? JSON.stringify(memory) : null]));
  await client.query('begin');
  try {
    await copyIn(client, 'part_state (key, state, memory)', lines);
    const moved = await client.query(
      'update part set next_page = $3, events = events + $4 where part = $1 and next_page = $2',
      [part, from, to, events],
    );
    if (moved.rowCount !== 1)
      throw new DomainError('rebuild-moved', 'Another process has moved this rebuild on. Run it again to go on.');
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
