import type { LeadMemory, LeadState, SubjectKey } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';

/** A lead by its id (also one that was merged away) or by any of its keys. */
export type LeadRef = { id: number } | { key: SubjectKey };

/** A root lead as stored. Times in ms. */
export interface ReadLead {
  id: number;
  keys: SubjectKey[];
  /** Known by browser ids only. */
  visitor: boolean;
  /** A browser whose owners are several people: it keeps a row, and no events. */
  mixed: boolean;
  /** A large refold is under way: the state is the one before it. */
  refoldPending: boolean;
  rulebook: number;
  lookedAt: number | null;
  nextChangeAt: number | null;
  state: LeadState;
  memory: LeadMemory;
}

export async function readLead(db: Queryable, ref: LeadRef): Promise<ReadLead | undefined> {
  const [lead] = await readLeads(db, [ref]);
  return lead;
}

/** In the order asked for; an unknown one is undefined. Two refs of one person give the same root. */
export async function readLeads(db: Queryable, refs: readonly LeadRef[]): Promise<(ReadLead | undefined)[]> {
  if (refs.length === 0) return [];
  const ids = refs.map((ref) => ('id' in ref ? ref.id : null));
  const keys = refs.map((ref) => ('key' in ref ? ref.key : null));
  const rows = await db.query<ReadLead & { ordinal: number }>(
    `select asked.ordinal, root.id, root.mixed, root.refold_pending as "refoldPending", root.rulebook, root.state, root.memory,
       (extract(epoch from root.looked_at) * 1000)::bigint as "lookedAt", (extract(epoch from root.next_change_at) * 1000)::bigint as "nextChangeAt",
       held.keys
     from (
       select t.ordinal, coalesce(t.id, s.lead) as id
       from unnest($1::bigint[], $2::text[]) with ordinality as t(id, key, ordinal) left join subject_key s on s.key = t.key
     ) asked
     join lead named on named.id = asked.id
     join lead root on root.id = coalesce(named.merged_into, named.id)
     cross join lateral (
       select array_agg(s.key order by s.key collate "C") as keys
       from subject_key s join lead l on l.id = s.lead where l.id = root.id or l.merged_into = root.id
     ) held`,
    [ids, keys],
  );
  const found: (ReadLead | undefined)[] = refs.map(() => undefined);
  for (const { ordinal, ...row } of rows.rows) {
    const held = row.keys ?? [];
    found[ordinal - 1] = { ...row, keys: held, visitor: held.every((key) => key.startsWith('a:')) };
  }
  return found;
}
