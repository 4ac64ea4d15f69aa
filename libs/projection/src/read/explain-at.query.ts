import { isKnown, type LeadMemory, type LeadState, type Locale, type SubjectKey } from '#libs/leads/domain';
import { databaseNow, DomainError, type Pool, type Queryable } from '#libs/platform';
import { explain, explainHeld, type Explanation } from '../domain/index.js';
import { foldHistory } from '../batch/refold.projection.js';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import { historyAt } from './history-at.js';
import type { LeadRef } from './lead.query.js';
import { lineEvents } from './line-events.js';
import { memoryAt } from './memory-at.js';
import { readPast, type Knowledge, type Moment } from './past-events.query.js';
import { inSnapshot } from './snapshot.js';

export interface PastLead {
  moment: Moment;
  /** The id that was made for the key asked for; whom it stood for is told by the keys. */
  lead: number;
  /** Those that were one person, by what is asked to be known; none if nothing had happened yet. */
  keys: SubjectKey[];
  /** How many events it is made of. */
  facts: number;
  state: LeadState;
  /** What had been decided. */
  memory: LeadMemory;
  rulebook: Rulebook;
}

export interface ExplainedAt extends PastLead {
  explanation: Explanation;
}

const earliest = Date.UTC(2000, 0, 1);

/**
 * Why a lead stood where it stood. knowledge `now`: what had happened by then as we know it today, under today's rulebook;
 * `then`: what was known by then, under the rulebook that was live. Undefined if nobody has this id or key.
 */
export async function explainAt(
  pool: Pool,
  context: ProjectionContext,
  ref: LeadRef,
  moment: Moment,
  locale: Locale,
): Promise<ExplainedAt | undefined> {
  return inSnapshot(pool, async (db) => {
    await checkMoment(db, moment);
    const named = await keyOf(db, ref);
    if (!named) return undefined;
    const { key, lead } = named;
    const rulebook = await context.rulebook(db, await versionAt(db, moment));
    const past = await readPast(db, key, moment);
    const history = historyAt(key, past, moment.at, context.settings);
    const state = foldHistory(history.events, past.judgements, rulebook, context);
    const memory = memoryAt(history, rulebook);
    const eventsOf = lineEvents(history.events, past.judgements, rulebook, rulebook.zone.localDay(moment.at));
    const explanation = explain(state, rulebook, standing(memory, state, rulebook), moment.at, locale, eventsOf);
    const known = (attribute: string) => isKnown(state.profile[attribute]?.value);
    explanation.stage.held = explainHeld(memory.held ?? [], rulebook, known, locale);
    return { moment, lead, keys: history.keys, facts: history.events.length, state, memory, rulebook, explanation };
  });
}

/** Moves are decided, not explained: what sales said is accounted for, and no condition moves the lead on. */
function standing(memory: LeadMemory, state: LeadState, rulebook: Rulebook): LeadMemory {
  const { held: _, moves: __, ...rest } = memory;
  const outcome = state.profile['outcome'];
  const stage = memory.stage ?? rulebook.funnel.stages[0]!.name;
  return {
    ...rest,
    stage,
    blocked: rulebook.funnel.stages.map(({ name }) => name),
    ...(outcome ? { outcome: outcome.event } : {}),
  };
}

async function checkMoment(db: Queryable, { at }: Moment): Promise<void> {
  const now = (await databaseNow(db)).getTime();
  if (at > now) throw new DomainError('at-in-future', 'This instant has not come yet.', { status: 400, path: 'at' });
  if (!(at >= earliest))
    throw new DomainError('at-too-early', 'Nothing is recorded from before the year 2000.', {
      status: 400,
      path: 'at',
    });
}

/** A lead id is a handle: it stands for the key that it was made for. */
async function keyOf(db: Queryable, ref: LeadRef): Promise<{ key: SubjectKey; lead: number } | undefined> {
  const [column, value] = 'id' in ref ? ['lead', ref.id] : ['key', ref.key];
  const found = await db.query<{ key: SubjectKey; lead: number }>(
    `select key, lead from subject_key where ${column} = $1`,
    [value],
  );
  return found.rows[0];
}

async function versionAt(db: Queryable, { at, knowledge }: { at: number; knowledge: Knowledge }): Promise<number> {
  const live = await db.query<{ version: number }>(
    `select version from rulebook_publish where not $2::boolean or known_at <= to_timestamp($1 / 1000.0) order by id desc limit 1`,
    [at, knowledge === 'then'],
  );
  if (live.rows[0]) return live.rows[0].version;
  const detail = 'No rulebook was live at this instant; knowledge=now explains it under the one of today.';
  throw new DomainError('no-rulebook-then', detail, { status: 422, path: 'at' });
}
