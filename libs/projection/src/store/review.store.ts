import { membershipOf } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { joinJson, plainArray, splitJson, textArray } from './arrays.js';
import { accountsOf, type Lead, type LockedLead } from './lead.store.js';
import type { RankRow } from './rank.store.js';

/** A lead that is locked for its review, with what its row in lists shows. */
export interface TakenLead extends LockedLead {
  visitor: boolean;
  ranked: boolean;
  displayName: string | null;
  company: string | null;
  email: string | null;
  shownAccount: string | null;
}

export const mostLeads = 500;

const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint`;
/** Whose row was changed since this statement began is read as it stands once locked. */
const taken = `l.id, l.merged_into as "mergedInto", l.mixed, l.version, ${ms('l.looked_at')} as "lookedAt", l.rulebook,
  l.refold_pending as "refoldPending", ${ms('l.next_change_at')} as "nextChangeAt", l.rank_hash as "rankHash", l.state, l.memory,
  k.lead is not null as ranked, k.display_name as "displayName", k.company, k.email, k.account as "shownAccount",
  coalesce(k.visitor, (select left(s.key, 2) = 'a:' from subject_key s where s.lead = l.id), false) as visitor`;

/** In the order in which they fell due. Who is locked by a batch is left to it. */
export const takeDue = (client: Queryable, most: number): Promise<TakenLead[]> =>
  take(client, {
    name: 'leadfold-take-due',
    text: `select ${taken} from lead_rank k join lead l on l.id = k.lead
      where k.next_change_at <= leadfold_now() and l.merged_into is null and not l.refold_pending
      order by k.next_change_at limit $1 for update of l skip locked`,
    values: [most],
  });

/**
 * In order of id, from where the last take ended. Of a plain column the statistics say that nearly nobody has another version, so
 * the plan would read and sort all who are left for each take; of a sum they say nothing.
 */
export const takeOlder = (client: Queryable, after: number, most: number): Promise<TakenLead[]> =>
  take(client, {
    name: 'leadfold-take-older',
    text: `select ${taken} from lead l left join lead_rank k on k.lead = l.id
      where l.id > $1 and l.rulebook > 0 and l.rulebook + 0 <> (select version from rulebook_publish order by id desc limit 1)
        and l.merged_into is null and not l.mixed and not l.refold_pending
      order by l.id limit $2 for update of l skip locked`,
    values: [after, most],
  });

async function take(client: Queryable, asked: { name: string; text: string; values?: number[] }): Promise<TakenLead[]> {
  const { rows } = await client.query<TakenLead>(asked);
  for (const row of rows) row.account = membershipOf(row.state)?.account ?? null;
  return rows;
}

/** Of leads whose state is what it was: neither printed, nor sent, nor parsed. Memories that are null stay as well. */
export async function writeReviewed(
  client: Queryable,
  leads: readonly Lead[],
  rulebook: number,
  memories: readonly (Lead['memory'] | null)[],
): Promise<void> {
  if (leads.length === 0) return;
  await client.query({
    name: 'leadfold-write-reviewed',
    text: `with marked as (insert into account_change (account) select unnest($7::text[]))
      update lead l set looked_at = to_timestamp(t.looked_at / 1000.0), rulebook = $2, next_change_at = to_timestamp(t.next_change_at / 1000.0),
        rank_hash = t.rank_hash, memory = case when t.memory <> '' then t.memory::json else l.memory end
      from unnest($1::bigint[], $3::float8[], $4::float8[], $5::text[], ${splitJson('$6')}) as t(id, looked_at, next_change_at, rank_hash, memory)
      where l.id = t.id`,
    values: [
      plainArray(leads.map((lead) => lead.id)),
      rulebook,
      plainArray(leads.map((lead) => lead.lookedAt)),
      plainArray(leads.map((lead) => lead.nextChangeAt)),
      textArray(leads.map((lead) => lead.rankHash)),
      joinJson(memories.map((memory) => (memory ? JSON.stringify(memory) : ''))),
      textArray(accountsOf(leads)),
    ],
  });
}

/** Of leads whose rows are there and show the same person: what time alone moves. */
export async function moveRanks(client: Queryable, rows: readonly RankRow[]): Promise<void> {
  if (rows.length === 0) return;
  await client.query({
    name: 'leadfold-move-ranks',
    text: `update lead_rank k set score = t.score, engagement = t.engagement, fit = t.fit, grade = t.grade, band = t.band,
        temperature = t.temperature, stage = t.stage, score_day = t.score_day, next_change_at = to_timestamp(t.next_change_at / 1000.0),
        last_at = to_timestamp(t.last_at / 1000.0)
      from unnest($1::bigint[], $2::int[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[], $10::float8[], $11::float8[])
        as t(lead, score, engagement, fit, grade, band, temperature, stage, score_day, next_change_at, last_at)
      where k.lead = t.lead`,
    values: [
      plainArray(rows.map((row) => row.lead)),
      plainArray(rows.map((row) => row.score)),
      plainArray(rows.map((row) => row.engagement)),
      plainArray(rows.map((row) => row.fit)),
      textArray(rows.map((row) => row.grade)),
      textArray(rows.map((row) => row.band)),
      textArray(rows.map((row) => row.temperature)),
      textArray(rows.map((row) => row.stage)),
      plainArray(rows.map((row) => row.scoreDay)),
      plainArray(rows.map((row) => row.nextChangeAt)),
      plainArray(rows.map((row) => row.lastAt)),
    ],
  });
}

export const showsTheSame = (taken: TakenLead, row: RankRow): boolean =>
  taken.ranked &&
  taken.displayName === row.displayName &&
  taken.company === row.company &&
  taken.email === row.email &&
  taken.shownAccount === row.account;
