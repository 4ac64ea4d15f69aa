import type { LeadMemory, LeadState, SubjectKey } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { foldsFor, lookOnce, type Seen } from '../domain/index.js';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import { plainArray } from '../store/arrays.js';
import { accountFields, type ListedAccount } from './account.query.js';

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
  const id = await leadIdOf(db, ref);
  if (id === undefined) return undefined;
  return (await readLeads(db, [id])).get(id);
}

/** By the ids asked for; a merged one gets its root. In one statement, so that none of them is half moved. */
export async function readLeads(db: Queryable, ids: readonly number[]): Promise<Map<number, LeadRead>> {
  return (await readLeadsNow(db, ids)).leads;
}

export interface LeadsNow {
  leads: Map<number, LeadRead>;
  /** By the database's clock, ms, and the version that is live then; where any lead was found. */
  now: number;
  live: number;
}

/** The same, and at what time, under which live rulebook: one statement, prepared, because every page of the api asks it. */
export async function readLeadsNow(db: Queryable, ids: readonly number[]): Promise<LeadsNow> {
  const result = await db.query<Omit<LeadRead, 'visitor'> & { asked: number; now: number; live: number }>({
    name: 'leads-now',
    text: `select t.id as asked, ${rootColumns}, ${momentColumns}
      from unnest($1::bigint[]) as t(id) join lead l on l.id = t.id join lead r on r.id = coalesce(l.merged_into, l.id)`,
    values: [plainArray([...new Set(ids)])],
  });
  const leads = new Map(result.rows.map(({ asked, now: _now, live: _live, ...row }) => [asked, leadOf(row)]));
  return { leads, now: result.rows[0]?.now ?? 0, live: result.rows[0]?.live ?? 0 };
}

// two plain look-ups: as one with a sort, the keys were a third of what reading a lead costs
const rootColumns = `r.id, r.mixed, r.state, r.memory, r.rulebook, ${ms('r.looked_at')} as "lookedAt", r.refold_pending as "refoldPending",
  array(select s.key from subject_key s where s.lead = r.id)
    || array(select s.key from lead c join subject_key s on s.lead = c.id where c.merged_into = r.id) as keys`;
const momentColumns = `${ms('leadfold_now()')} as now, (select version from rulebook_publish order by id desc limit 1) as live`;

const leadOf = (row: Omit<LeadRead, 'visitor'>): LeadRead => ({
  ...row,
  keys: row.keys.sort(),
  visitor: row.keys.every((key) => key.startsWith('a:')),
});

async function leadIdOf(db: Queryable, ref: LeadRef): Promise<number | undefined> {
  if ('id' in ref) return ref.id;
  const result = await db.query<{ lead: number }>('select lead from subject_key where key = $1', [ref.key]);
  return result.rows[0]?.lead;
}

export interface LookedAt {
  lead: LeadRead;
  look: Seen;
  rulebook: Rulebook;
  /** ms. */
  now: number;
  /** The stored row of the company that its rank names. */
  account: ListedAccount | null;
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
  const found = await findNow(db, ref);
  if (!found) return undefined;
  const { now, live, account, mergedInto: _merged, ...row } = found;
  const lead = leadOf(row);
  const rulebook = await rulebookOf(db, context, lead, live);
  return { lead, rulebook, now, account, look: lookOnce(lead.state, rulebook, lead.memory, now) };
}

interface Found extends Omit<LeadRead, 'visitor'> {
  mergedInto: number | null;
  now: number;
  live: number;
  account: ListedAccount | null;
}

/** In one statement as a rule; a handle that was merged away costs another, which reads its root whole. */
async function findNow(db: Queryable, ref: LeadRef): Promise<Found | undefined> {
  for (let next = ref; ;) {
    const byId = 'id' in next;
    const result = await db.query<Found>({
      name: byId ? 'lead-now' : 'lead-now-by-key',
      text: `select ${rootColumns}, ${momentColumns}, r.merged_into as "mergedInto",
          case when a.key is not null then json_build_object(${accountFields}) end as account
        from lead r left join lead_rank k on k.lead = r.id left join account a on a.key = k.account and a.looked_at is not null
        where r.id = ${byId ? '$1' : '(select s.lead from subject_key s where s.key = $1)'}`,
      values: ['id' in next ? next.id : next.key],
    });
    const found = result.rows[0];
    if (!found || found.mergedInto === null) return found;
    next = { id: found.mergedInto };
  }
}

export async function rulebookFor(
  db: Queryable,
  context: ProjectionContext,
  lead: Pick<LeadRead, 'rulebook'>,
): Promise<Rulebook> {
  const result = await db.query<{ version: number }>('select version from rulebook_publish order by id desc limit 1');
  return rulebookOf(db, context, lead, result.rows[0]!.version);
}

/** The same where the live version is known. Versions are compiled once: no statement as a rule. */
export async function rulebookOf(
  db: Queryable,
  context: ProjectionContext,
  lead: Pick<LeadRead, 'rulebook'>,
  liveVersion: number,
): Promise<Rulebook> {
  const live = await context.rulebook(db, liveVersion);
  if (lead.rulebook === 0 || lead.rulebook === live.version) return live;
  const own = await context.rulebook(db, lead.rulebook);
  return foldsFor(own, live) ? live : own;
}
