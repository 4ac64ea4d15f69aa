import type { Queryable } from '#libs/platform';

export interface LeadFilter {
  temperature?: 'hot' | 'warm' | 'cold';
  stage?: string;
  /** Part of a name, company or address. */
  text?: string;
  visitors: boolean;
  limit: number;
  before?: { heat: number; score: number; lead: number };
}

/** Scores in tenths. Sort keys: heat (0 hot, 1 warm, 2 cold), score, lead. */
export interface RankedLead {
  lead: number;
  heat: number;
  score: number;
}

const heat = `(case temperature when 'hot' then 0 when 'warm' then 1 else 2 end)`;

/** Hot first, then by score: the order of the stored sort keys. What is shown beside them is looked at anew by the caller. */
export async function listLeads(db: Queryable, filter: LeadFilter): Promise<RankedLead[]> {
  const rows = await db.query<RankedLead>(
    `select lead, ${heat} as heat, score from lead_rank
     where ($1::text is null or temperature = $1) and ($2::text is null or stage = $2) and ($3::bool or not visitor)
       and ($4::text is null or display_name ilike $4 or company ilike $4 or email ilike $4)
       and ($5::int is null or (${heat}, -score, lead) > ($5, -$6::int, $7::bigint))
     order by ${heat}, -score, lead limit $8`,
    [
      filter.temperature ?? null,
      filter.stage ?? null,
      filter.visitors,
      filter.text === undefined ? null : `%${filter.text.replace(/[\\%_]/g, '\\$&')}%`,
      filter.before?.heat ?? null,
      filter.before?.score ?? null,
      filter.before?.lead ?? null,
      filter.limit,
    ],
  );
  return rows.rows;
}
