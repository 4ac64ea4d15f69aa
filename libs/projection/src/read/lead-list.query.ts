import type { Queryable } from '#libs/platform';
import { look, type Look } from '../domain/index.js';
import type { ProjectionContext } from '../projection-context.js';
import { readLeadsNow, rulebookOf, type LeadRead } from './lead.query.js';

export type Temperature = 'hot' | 'warm' | 'cold';

export interface LeadListQuery {
  temperature?: Temperature;
  stage?: string;
  /** Part of a name, company or address. */
  text?: string;
  visitors?: boolean;
  after?: LeadListCursor;
  limit: number;
}

export interface LeadListCursor {
  temperature: Temperature;
  score: number;
  lead: number;
}

export interface ListedLead {
  id: number;
  displayName: string | null;
  company: string | null;
  email: string | null;
  visitor: boolean;
  /** ms. */
  lastAt: number | null;
  stage: string | null;
  look: Look;
  lead: LeadRead;
}

const hottestFirst: Temperature[] = ['hot', 'warm', 'cold'];

interface RankedRow {
  lead: number;
  score: number;
  displayName: string | null;
  company: string | null;
  email: string | null;
  visitor: boolean;
}

/** Hot first, then by score. The order is the stored one; each lead of the page is looked at again before it is shown. */
export async function listLeads(
  db: Queryable,
  context: ProjectionContext,
  query: LeadListQuery,
): Promise<{ leads: ListedLead[]; next?: LeadListCursor }> {
  const found: (RankedRow & { temperature: Temperature })[] = [];
  const from = query.after ? hottestFirst.indexOf(query.after.temperature) : 0;
  for (const temperature of hottestFirst.slice(from)) {
    if (query.temperature && temperature !== query.temperature) continue;
    const after = query.after?.temperature === temperature ? query.after : undefined;
    const rows = await ranked(db, temperature, query, after, query.limit + 1 - found.length);
    found.push(...rows.map((row) => ({ ...row, temperature })));
    if (found.length > query.limit) break;
  }
  const page = found.slice(0, query.limit);
  const last = page.at(-1);
  const leads = await lookAgain(db, context, page);
  return found.length > query.limit && last
    ? { leads, next: { temperature: last.temperature, score: last.score, lead: last.lead } }
    : { leads };
}

async function ranked(
  db: Queryable,
  temperature: Temperature,
  query: LeadListQuery,
  after: LeadListCursor | undefined,
  limit: number,
): Promise<RankedRow[]> {
  const pattern = query.text ? `%${query.text.replace(/[\\%_]/g, '\\$&')}%` : null;
  const result = await db.query<RankedRow>(
    `select lead, score, display_name as "displayName", company, email, visitor from lead_rank
      where temperature = $1 and ($2::int is null or (-score, lead) > (-$2::int, $3::bigint)) and ($4::text is null or stage = $4)
        and ($5 or not visitor) and ($6::text is null or display_name ilike $6 or company ilike $6 or email ilike $6)
      order by score desc, lead limit $7`,
    [
      temperature,
      after?.score ?? null,
      after?.lead ?? null,
      query.stage ?? null,
      query.visitors ?? false,
      pattern,
      limit,
    ],
  );
  return result.rows;
}

async function lookAgain(db: Queryable, context: ProjectionContext, rows: readonly RankedRow[]): Promise<ListedLead[]> {
  if (rows.length === 0) return [];
  const {
    leads: read,
    now,
    live,
  } = await readLeadsNow(
    db,
    rows.map((row) => row.lead),
  );
  const rulebooks = new Map<number, Awaited<ReturnType<typeof rulebookOf>>>();
  const listed: ListedLead[] = [];
  for (const row of rows) {
    const lead = read.get(row.lead);
    if (!lead) continue;
    const rulebook = rulebooks.get(lead.rulebook) ?? (await rulebookOf(db, context, lead, live));
    rulebooks.set(lead.rulebook, rulebook);
    const { displayName, company, email, visitor } = row;
    const seen = look(lead.state, rulebook, lead.memory, now);
    listed.push({
      id: lead.id,
      displayName,
      company,
      email,
      visitor,
      lastAt: lead.state.lastAt ?? null,
      stage: lead.memory.stage,
      look: seen,
      lead,
    });
  }
  return listed;
}
