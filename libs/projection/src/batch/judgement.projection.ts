import { judge, kindOf, type Judgements, type LeadEvent } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { plainArray } from '../store/arrays.js';
import { binaryIds } from '../store/binary-arrays.js';
import { eventColumns, eventOf, type EventRow } from '../store/event.store.js';

/** What the judgements of a batch, and those that came before their targets, change about stored facts. */
export interface Judged {
  /** Stored facts that now stand in another light; fresh ones are not among them. */
  facts: LeadEvent[];
  before: Judgements;
  after: Judgements;
  /** Judgements whose fact cannot be seen yet: the sweep applies them. */
  unapplied: { event: string; target: string; at: number }[];
  /** Judgements that were waiting and are applied now. */
  applied: string[];
}

const noJudgements = judge([]);
export const nothingJudged: Judged = {
  facts: [],
  before: noJudgements,
  after: noJudgements,
  unapplied: [],
  applied: [],
};

export function isFact(event: Pick<LeadEvent, 'type'>): boolean {
  const kind = kindOf(event);
  return kind !== 'judgement' && kind !== 'retraction' && kind !== 'decision';
}

/**
 * Judgements that wait for one of these events. By the rule that a judgement waits unless its whole chain down to the fact
 * was visible when it came, no other stored judgement can name a new event.
 */
export async function waitingFor(
  db: Queryable,
  eventIds: Iterable<string>,
): Promise<{ event: string; target: string }[]> {
  const result = await db.query<{ event: string; target: string }>({
    name: 'leadfold-waiting-for',
    text: 'select event, target from unapplied_judgement where target = any($1::uuid[])',
    values: [binaryIds([...eventIds])],
  });
  return result.rows;
}

type ScopeRow = EventRow & { waits: boolean };

/** The named events, the facts below them, and every judgement of those facts, two strata high. */
async function readScope(db: Queryable, ids: Iterable<string>): Promise<ScopeRow[]> {
  const result = await db.query<ScopeRow>({
    name: 'leadfold-read-judgement-scope',
    text: `with named as (select e.id, e.kind, e.refers_to from event e where e.id = any($1::uuid[])),
      fact as (select id from named where kind not in ('judgement', 'retraction', 'decision')
        union select refers_to from named where kind = 'judgement' and refers_to is not null),
      lower as (select e.id, e.kind from fact f join event e on e.refers_to = f.id where e.kind in ('judgement', 'retraction')),
      upper as (select e.id from lower l join event e on e.refers_to = l.id where l.kind = 'judgement' and e.kind = 'retraction'),
      wanted as (select id from fact union select id from lower union select id from upper union select id from named)
      select ${eventColumns}, exists (select 1 from unapplied_judgement u where u.event = e.id) as waits
      from wanted w join event e on e.id = w.id`,
    values: [plainArray([...new Set(ids)])],
  });
  return result.rows;
}

export interface JudgementQuestion {
  /** Judgements and retractions among the fresh events. */
  fresh: readonly LeadEvent[];
  /** Waiting judgements that a fresh event calls up, or that the sweep found. */
  waiting: readonly { event: string; target: string }[];
  freshIds: ReadonlySet<string>;
}

/**
 * Asked before the locks, to know what to lock, and again under them: two judgements of one fact in concurrent batches see
 * each other only then.
 */
export async function readJudged(db: Queryable, question: JudgementQuestion): Promise<Judged> {
  const { fresh, waiting, freshIds } = question;
  if (fresh.length + waiting.length === 0) return nothingJudged;
  const rows = await readScope(db, [
    ...fresh.flatMap((event) => [event.id, event.refersTo!]),
    ...waiting.flatMap((one) => [one.event, one.target]),
  ]);
  const byId = new Map(rows.map((row) => [row.id, { event: eventOf(row), waits: row.waits }]));
  const judgements = [...byId.values()].filter(({ event }) => !isFact(event));
  const result: Judged = {
    facts: [],
    before: judge(judgements.filter(({ event, waits }) => !waits && !freshIds.has(event.id)).map(({ event }) => event)),
    after: judge(judgements.map(({ event }) => event)),
    unapplied: [],
    applied: [],
  };
  const touched = new Set<string>();
  for (const { event, waits } of judgements) {
    const isFresh = freshIds.has(event.id);
    if (!isFresh && !waits) continue;
    const chain = factBelow(event, byId);
    if (chain === 'unseen') {
      if (isFresh) result.unapplied.push({ event: event.id, target: event.refersTo!, at: event.receivedAt });
      continue;
    }
    if (waits) result.applied.push(event.id);
    if (chain !== 'none' && !freshIds.has(chain)) touched.add(chain);
  }
  result.facts = [...touched].map((id) => byId.get(id)!.event);
  return result;
}

/** The fact at the bottom of a judgement; `none` if it judges what it may not judge. */
function factBelow(judgement: LeadEvent, byId: ReadonlyMap<string, { event: LeadEvent }>): string | 'unseen' | 'none' {
  const target = byId.get(judgement.refersTo!)?.event;
  if (!target) return 'unseen';
  if (isFact(target)) return target.id;
  if (judgement.type !== 'retraction' || target.type === 'retraction') return 'none';
  const fact = byId.get(target.refersTo!)?.event;
  if (!fact) return 'unseen';
  return isFact(fact) ? fact.id : 'none';
}

export async function writeUnapplied(client: Queryable, judged: Judged): Promise<void> {
  const deleting =
    judged.applied.length > 0 &&
    client.query('delete from unapplied_judgement where event = any($1::uuid[])', [plainArray(judged.applied)]);
  const writing =
    judged.unapplied.length > 0 &&
    client.query(
      `insert into unapplied_judgement (event, target, since)
      select event, target, to_timestamp(at / 1000.0) from unnest($1::uuid[], $2::uuid[], $3::float8[]) as t(event, target, at) on conflict do nothing`,
      [
        plainArray(judged.unapplied.map((one) => one.event)),
        plainArray(judged.unapplied.map((one) => one.target)),
        plainArray(judged.unapplied.map((one) => one.at)),
      ],
    );
  await Promise.all([deleting, writing]);
}
