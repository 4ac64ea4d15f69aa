import type { Queryable } from '#libs/platform';
import { lookOnce, type Look } from '../domain/index.js';
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

export interface ListedLead extends Standing {
  id: number;
  displayName: string | null;
  company: string | null;
  email: string | null;
  visitor: boolean;
  /** ms. */
  lastAt: number | null;
}

/** Scores in tenths. */
type Standing = Pick<Look, 'score' | 'engagement' | 'fit' | 'grade' | 'band' | 'temperature'> & {
  stage: string | null;
};

const hottestFirst: Temperature[] = ['hot', 'warm', 'cold'];

type RankedRow = ListedLead & {
  /** As it stands on this day; another day or another rulebook makes something else of it. */
  day: number;
  rulebook: number;
};

interface RankedPage {
  rows: RankedRow[];
  /** ms, by the database's clock. */
  now: number;
  live: number;
}

/**
 * Hot first, then by score. The order is the stored one; each lead of the page that was not looked at today, by the live
 * rulebook, is looked at again before it is shown: what a look says depends on the day and on nothing smaller.
 */
export async function listLeads(
  db: Queryable,
  context: ProjectionContext,
  query: LeadListQuery,
): Promise<{ leads: ListedLead[]; next?: LeadListCursor }> {
  const found: (RankedRow & { order: LeadListCursor })[] = [];
  let asked: RankedPage | undefined;
  const from = query.after ? hottestFirst.indexOf(query.after.temperature) : 0;
  for (const temperature of hottestFirst.slice(from)) {
    if (query.temperature && temperature !== query.temperature) continue;
    const after = query.after?.temperature === temperature ? query.after : undefined;
    asked = await ranked(db, temperature, query, after, query.limit + 1 - found.length);
    found.push(...asked.rows.map((row) => ({ ...row, order: { temperature, score: row.score, lead: row.id } })));
    if (found.length > query.limit) break;
  }
  const page = found.slice(0, query.limit);
  const last = page.at(-1);
  const leads = asked ? await lookAgain(db, context, { ...asked, rows: page }) : [];
  return found.length > query.limit && last ? { leads, next: last.order } : { leads };
}

async function ranked(
  db: Queryable,
  temperature: Temperature,
  query: LeadListQuery,
  after: LeadListCursor | undefined,
  limit: number,
): Promise<RankedPage> {
  const pattern = query.text ? `%${query.text.replace(/[\\%_]/g, '\\$&')}%` : null;
  const result = await db.query<Omit<RankedRow, 'id'> & { lead: number; now: number; live: number }>({
    // the usual page by a plan that is kept; a search is planned for what it searches
    ...(query.after || query.stage || pattern ? {} : { name: `leads-ranked-${temperature}` }),
    text: `select m.*, k.lead, k.score, k.engagement, k.fit, k.grade, k.band, k.temperature, k.stage, k.display_name as "displayName", k.company, k.email,
        k.visitor, k.score_day as day, l.rulebook, (l.state ->> 'lastAt')::float8 as "lastAt"
      from (select (extract(epoch from leadfold_now()) * 1000)::bigint as now,
          (select version from rulebook_publish order by id desc limit 1) as live) m
        left join lateral (select * from lead_rank
          where temperature = $1 and ($2::int is null or (-score, lead) > (-$2::int, $3::bigint)) and ($4::text is null or stage = $4)
            and ($5 or not visitor) and ($6::text is null or display_name ilike $6 or company ilike $6 or email ilike $6)
          order by score desc, lead limit $7) k on true
        left join lead l on l.id = k.lead
      order by k.score desc, k.lead`,
    values: [
      temperature,
      after?.score ?? null,
      after?.lead ?? null,
      query.stage ?? null,
      query.visitors ?? false,
      pattern,
      limit,
    ],
  });
  const { now, live } = result.rows[0]!;
  const rows = result.rows.flatMap(({ lead, now: _now, live: _live, ...row }): RankedRow[] =>
    lead === null ? [] : [{ ...row, id: lead }],
  );
  return { rows, now, live };
}

async function lookAgain(
  db: Queryable,
  context: ProjectionContext,
  { rows, now, live }: RankedPage,
): Promise<ListedLead[]> {
  const today = context.zone.localDay(now);
  const older = rows.filter((row) => row.day !== today || row.rulebook !== live).map(({ id }) => id);
  const read = older.length > 0 ? (await readLeadsNow(db, older)).leads : new Map<number, LeadRead>();
  const listed: ListedLead[] = [];
  for (const row of rows) {
    const lead = read.get(row.id);
    if (lead) {
      const seen = lookOnce(lead.state, await rulebookOf(db, context, lead, live), lead.memory, now);
      listed.push({
        ...row,
        ...seen,
        id: lead.id,
        lastAt: lead.state.lastAt ?? null,
        stage: seen.stage ?? seen.initialStage,
      });
    } else if (!older.includes(row.id)) listed.push(row);
  }
  return listed;
}
