import type { LeadMemory, LeadState, SubjectKey } from '#libs/leads/domain';
import { databaseNow, type Queryable } from '#libs/platform';
import { foldsFor, look, type Look } from '../domain/index.js';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import { plainArray } from '../store/arrays.js';

/** Any id that ever stood for the lead finds it, and any of its keys does. */
export type LeadRef = { id: number } | { key: SubjectKey };

export interface LeadRead {
  /** The root's id: a handle, which a later merge may replace. */
  id: number;
  keys: SubjectKey[];
  /** Nobody has identified this browser. */
  visitor: boolean;
  /** A browser that several people use: its events are theirs. */
  mixed: boolean;
  state: LeadState;
  memory: LeadMemory;
  /** The version it was last looked at under, and when, ms. */
  rulebook: number;
  lookedAt: number | null;
  refoldPending: boolean;
}

const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint`;

export async function readLead(db: Queryable, ref: LeadRef): Promise<LeadRead | undefined> {
  const id = 'id' in ref ? ref.id : await leadIdOfKey(db, ref.key);
  if (id === undefined) return undefined;
  return (await readLeads(db, [id])).get(id);
}

/** By the ids asked for; a merged one gets its root. In one statement, so that none of them is half moved. */
export async function readLeads(db: Queryable, ids: readonly number[]): Promise<Map<number, LeadRead>> {
  const result = await db.query<LeadRead & { asked: number }>(
    `select t.id as asked, r.id, r.mixed, r.state, r.memory, r.rulebook, ${ms('r.looked_at')} as "lookedAt", r.refold_pending as "refoldPending",
        (select coalesce(array_agg(s.key order by s.key collate "C"), '{}') from subject_key s
          where s.lead = any(array(select r.id union all select c.id from lead c where c.merged_into = r.id))) as keys
      from unnest($1::bigint[]) as t(id) join lead l on l.id = t.id join lead r on r.id = coalesce(l.merged_into, l.id)`,
    [plainArray([...new Set(ids)])],
  );
  return new Map(
    result.rows.map(({ asked, ...row }) => [asked, { ...row, visitor: row.keys.every((key) => key.startsWith('a:')) }]),
  );
}

async function leadIdOfKey(db: Queryable, key: SubjectKey): Promise<number | undefined> {
  const result = await db.query<{ lead: number }>('select lead from subject_key where key = $1', [key]);
  return result.rows[0]?.lead;
}

export interface LookedAt {
  lead: LeadRead;
  look: Look;
  rulebook: Rulebook;
  /** ms. */
  now: number;
}

/**
 * Scores are computed when read. A lead of an older rulebook whose signals changed is looked at under the version that its
 * counters were made for, until it is back-filled.
 */
export async function readLookNow(
  db: Queryable,
  context: ProjectionContext,
  ref: LeadRef,
): Promise<LookedAt | undefined> {
  const lead = await readLead(db, ref);
  if (!lead) return undefined;
  const now = (await databaseNow(db)).getTime();
  const rulebook = await rulebookFor(db, context, lead);
  return { lead, rulebook, now, look: look(lead.state, rulebook, lead.memory, now) };
}

export async function rulebookFor(
  db: Queryable,
  context: ProjectionContext,
  lead: Pick<LeadRead, 'rulebook'>,
): Promise<Rulebook> {
  const result = await db.query<{ version: number }>('select version from rulebook_publish order by id desc limit 1');
  const live = await context.rulebook(db, result.rows[0]!.version);
  if (lead.rulebook === 0 || lead.rulebook === live.version) return live;
  const own = await context.rulebook(db, lead.rulebook);
  return foldsFor(own, live) ? live : own;
}
