import { isStrong, ownedIntervals, type Identification, type SubjectKey } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { readLead, type LeadRead, type LeadRef } from '../read/lead.query.js';

/** A part of a shared browser's time that is this person's; ms, null where it has no bound. */
export interface OwnedPart {
  anon: string;
  from: number | null;
  until: number | null;
}

/** Everything that stands for one person. */
export interface Person {
  /** The root lead and those merged into it. */
  leads: number[];
  keys: SubjectKey[];
  /** Browsers that others use as well. Those that are this person's alone are among the keys. */
  shared: OwnedPart[];
}

export interface FoundPerson {
  person: Person;
  lead: LeadRead;
  /** A browser that too many people have identified, and no person at all. */
  nobodys: boolean;
}

export async function readPerson(db: Queryable, ref: LeadRef): Promise<FoundPerson | undefined> {
  const lead = await readLead(db, ref);
  if (!lead) return undefined;
  const members = await db.query<{ id: number }>('select id from lead where id = $1 or merged_into = $1 order by id', [
    lead.id,
  ]);
  const person = {
    leads: members.rows.map((row) => row.id),
    keys: lead.keys,
    shared: await sharedParts(db, lead.keys),
  };
  const crowd = await db.query('select 1 from skipped_identification where anon = any($1::text[]) limit 1', [
    lead.keys.filter((key) => !isStrong(key)).map((key) => key.slice(2)),
  ]);
  return { person, lead, nobodys: crowd.rowCount === 1 };
}

async function sharedParts(db: Queryable, keys: readonly SubjectKey[]): Promise<OwnedPart[]> {
  const own = new Set(keys);
  const rows = await db.query<Identification & { anon: string }>(
    `select i.anon, (extract(epoch from i.at) * 1000)::bigint as at, i.event, i.strong from identification i
      where i.anon in (select anon from identification where strong = any($1::text[])) order by i.anon`,
    [keys],
  );
  const timelines = new Map<string, Identification[]>();
  for (const { anon, ...row } of rows.rows)
    if (!own.has(`a:${anon}`)) timelines.set(anon, [...(timelines.get(anon) ?? []), row]);
  const bound = (ms: number): number | null => (Number.isFinite(ms) ? ms : null);
  return [...timelines].flatMap(([anon, timeline]) =>
    ownedIntervals(timeline, (strong) => own.has(strong))
      .filter(({ owner }) => owner === true)
      .map(({ from, until }) => ({ anon, from: bound(from), until: bound(until) })),
  );
}
