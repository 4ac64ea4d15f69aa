import { canonicalJson, encodeEvent, type LeadEvent, type SubjectKey } from '#libs/leads/domain';
import { StatementPipeline, type Pool, type PoolClient } from '#libs/platform';
import { lockRulebookShared } from '../batch/first-round.projection.js';
import { isFact, waitingFor } from '../batch/judgement.projection.js';
import { readOwnership } from '../batch/refold.projection.js';
import { runStep, type StepDone } from '../batch/run-step.projection.js';
import { look, type Look } from '../domain/index.js';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import { readLeads, type LeadRead } from '../read/lead.query.js';
import { countFacts, segmentsOf, within, type LeadSegment } from '../store/lead-segment.store.js';
import { insertEvents } from '../store/event.store.js';
import { openBatch } from '../store/offset.store.js';
import { presentKeys } from './present-keys.query.js';
import { repeating } from './sweep.projection.js';

export interface PreviewedLead {
  lead: number;
  keys: SubjectKey[];
  visitor: boolean;
  /** Facts that are its own. */
  events: number;
  /** Null where the fold is too long for a batch: it will be done behind it. */
  look: Look | null;
}

export interface Preview {
  before: PreviewedLead[];
  after: PreviewedLead[];
  /** Facts that go from one lead to another. */
  eventsMoved: number;
  /** What has to be folded anew, and whether that happens behind the batch. */
  refold: { leads: number; events: number; inBackground: boolean };
}

interface Leads {
  reads: LeadRead[];
  segments: Map<number, LeadSegment[]>;
  facts: ReadonlyMap<number, number>;
}

/**
 * What these facts would do, by doing it: the ordinary step in a transaction that is rolled back. So it cannot differ from
 * what will happen, as long as nothing else comes in between. It holds the leads' locks for as long as a batch would. What
 * was before is read afterwards, on the same connection: a second one, while locks are held, could wait for ever.
 */
export async function preview(pool: Pool, context: ProjectionContext, facts: readonly LeadEvent[]): Promise<Preview> {
  return repeating(async () => {
    const client = await pool.connect();
    let broken: Error | undefined;
    try {
      const { after, done } = await tried(client, context, facts);
      return await compare(client, await readAll(client, done.leads), after, done);
    } catch (error) {
      broken = error as Error;
      throw error;
    } finally {
      client.release(broken);
    }
  });
}

async function tried(
  client: PoolClient,
  context: ProjectionContext,
  facts: readonly LeadEvent[],
): Promise<{ after: Leads; done: Done }> {
  await client.query('begin');
  try {
    const pipeline = new StatementPipeline(client);
    const done = await step(pipeline, context, facts);
    await pipeline.settled();
    return { after: await readAll(client, done.leads), done };
  } finally {
    await client.query('rollback');
  }
}

interface Done {
  leads: number[];
  anew: number[];
  rulebook: Rulebook;
  now: number;
}

async function step(client: StatementPipeline, context: ProjectionContext, facts: readonly LeadEvent[]): Promise<Done> {
  await lockRulebookShared(client);
  const opened = await openBatch(client);
  const rulebook = await context.rulebook(client, opened.version);
  await insertEvents(
    client,
    facts.map((event) => ({ event, body: Buffer.from(encodeEvent(event, event.id).value) })),
  );
  const freshIds = new Set(facts.map((event) => event.id));
  const question = {
    fresh: facts.filter((event) => !isFact(event)),
    waiting: await waitingFor(client, freshIds),
    freshIds,
  };
  const { touched }: StepDone = await runStep({
    client,
    context,
    rulebook,
    batch: opened.batch,
    listeners: new Set(),
    fresh: [...facts],
    question,
  });
  const dated = await client.query<{ now: number }>(
    'select (extract(epoch from known_at) * 1000)::bigint as now from batch where id = $1',
    [opened.batch],
  );
  return { leads: touched.leads, anew: touched.anew, rulebook, now: dated.rows[0]!.now };
}

async function readAll(client: PoolClient, ids: number[]): Promise<Leads> {
  const found = [...(await readLeads(client, ids)).values()];
  const reads = found.filter((lead, index) => !lead.mixed && found.findIndex((one) => one.id === lead.id) === index);
  const keys = await presentKeys(
    client,
    reads.map((lead) => lead.id),
  );
  const present = reads
    .filter((lead) => keys.has(lead.id))
    .map((lead) => ({ ...lead, keys: keys.get(lead.id)!.toSorted() }));
  const ownership = await readOwnership(
    client,
    present.map((lead) => lead.id),
  );
  const segments = segmentsOf(ownership);
  return { reads: present, segments, facts: await countFacts(client, [...segments.values()].flat()) };
}

async function compare(client: PoolClient, before: Leads, after: Leads, done: Done): Promise<Preview> {
  const standing = ({ reads }: Leads, id: number): string | undefined => {
    const found = reads.find((one) => one.id === id);
    if (!found) return undefined;
    const { keys, state, memory, refoldPending } = found;
    return canonicalJson({ keys, state, memory: { ...memory, revision: 0 }, refoldPending });
  };
  const sideOf = ({ reads, facts }: Leads): PreviewedLead[] =>
    reads
      .filter(({ id }) => standing(before, id) !== standing(after, id))
      .map((lead) => ({
        lead: lead.id,
        keys: lead.keys,
        visitor: lead.visitor,
        events: facts.get(lead.id) ?? 0,
        look: lead.refoldPending ? null : look(lead.state, done.rulebook, lead.memory, done.now),
      }));
  const anew = done.anew.filter((id) => after.segments.has(id));
  return {
    before: sideOf(before),
    after: sideOf(after),
    eventsMoved: sum((await countFacts(client, movedSegments(before.segments, after.segments))).values()),
    refold: {
      leads: anew.length,
      events: sum(anew.map((id) => after.facts.get(id) ?? 0)),
      inBackground: after.reads.some((lead) => lead.refoldPending),
    },
  };
}

const sum = (counts: Iterable<number>): number => [...counts].reduce((a, b) => a + b, 0);

/** Where a key's events, or an interval of a browser's, lie in another lead than before. */
function movedSegments(
  before: ReadonlyMap<number, LeadSegment[]>,
  after: ReadonlyMap<number, LeadSegment[]>,
): LeadSegment[] {
  const was = [...before.values()].flat();
  return [...after.values()]
    .flat()
    .flatMap((segment) =>
      was
        .filter((one) => one.sort === segment.sort && one.bare === segment.bare && one.root !== segment.root)
        .flatMap((one) => within([segment], one.from, one.until)),
    );
}
