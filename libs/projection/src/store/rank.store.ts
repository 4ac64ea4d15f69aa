import { companyKey, displayNameOf, membershipOf, valueHash, type LeadState } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import type { Look } from '../domain/index.js';
import { binaryFlags, binaryInts, binaryLongs, binaryTexts, binaryTimes } from './binary-arrays.js';
import type { Lead } from './lead.store.js';

export interface RankRow {
  lead: number;
  score: number;
  engagement: number;
  fit: number;
  grade: string | null;
  band: string;
  temperature: string;
  stage: string | null;
  displayName: string | null;
  company: string | null;
  account: string | null;
  email: string | null;
  visitor: boolean;
  lastAt: number;
  scoreDay: number;
  nextChangeAt: number;
  /** Of everything that lists sort and filter by: the row is written only when it differs. */
  hash: string;
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

function nameOf(profile: LeadState['profile']): string | null {
  const part = (name: string): string | undefined => text(profile[name]?.value) ?? undefined;
  return displayNameOf({ familyName: part('familyName'), givenName: part('givenName') }) ?? null;
}

export function rankOf(lead: Lead, look: Look, visitor: boolean, scoreDay: number): RankRow {
  const { profile } = lead.state;
  const row: RankRow = {
    lead: lead.id,
    score: look.score,
    engagement: look.engagement,
    fit: look.fit,
    grade: look.grade,
    band: look.band,
    temperature: look.temperature,
    stage: lead.memory.stage,
    displayName: text(profile['displayName']?.value) ?? nameOf(profile),
    company: text(profile['company.name']?.value),
    email: text(profile['email']?.value),
    account: membershipOf(lead.state)?.account ?? null,
    visitor,
    nextChangeAt: look.nextChangeAt,
    lastAt: lead.state.lastAt ?? 0,
    scoreDay,
    hash: '',
  };
  row.hash = hashOf(row);
  return row;
}

/** What spellings of the company's name have in common. */
export const companyKeyOf = (company: string | null): string | null => (company && companyKey(company)) || null;

/** Printed by hand: every lead of every batch passes here. Names may hold anything but the separator's control character. */
const hashOf = (shown: Omit<RankRow, 'lead' | 'lastAt' | 'scoreDay' | 'hash'>): string =>
  valueHash(
    `${shown.score},${shown.engagement},${shown.fit},${shown.grade},${shown.band},${shown.temperature},${shown.stage},${shown.nextChangeAt},${shown.visitor}\x01${shown.displayName}\x01${shown.company}\x01${shown.email}\x01${shown.account}`,
  );

export async function writeRanks(client: Queryable, rows: readonly RankRow[]): Promise<void> {
  if (rows.length === 0) return;
  await client.query({
    name: 'leadfold-write-ranks',
    text: `insert into lead_rank (lead, score, engagement, fit, grade, band, temperature, stage, display_name, company, email, visitor, last_at, score_day, next_change_at, company_key, account)
      select lead, score, engagement, fit, grade, band, temperature, stage, display_name, company, email, visitor,
        last_at, score_day, next_change_at, company_key, account
      from unnest($1::bigint[], $2::int[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
        $12::bool[], $13::timestamptz[], $14::int[], $15::timestamptz[], $16::text[], $17::text[])
        as t(lead, score, engagement, fit, grade, band, temperature, stage, display_name, company, email, visitor, last_at, score_day, next_change_at, company_key, account)
      on conflict (lead) do update set score = excluded.score, engagement = excluded.engagement, fit = excluded.fit, grade = excluded.grade,
        band = excluded.band, temperature = excluded.temperature, stage = excluded.stage, display_name = excluded.display_name,
        company = excluded.company, email = excluded.email, visitor = excluded.visitor, last_at = excluded.last_at,
        score_day = excluded.score_day, next_change_at = excluded.next_change_at, company_key = excluded.company_key, account = excluded.account`,
    values: [
      binaryLongs(rows.map((row) => row.lead)),
      binaryInts(rows.map((row) => row.score)),
      binaryInts(rows.map((row) => row.engagement)),
      binaryInts(rows.map((row) => row.fit)),
      binaryTexts(rows.map((row) => row.grade)),
      binaryTexts(rows.map((row) => row.band)),
      binaryTexts(rows.map((row) => row.temperature)),
      binaryTexts(rows.map((row) => row.stage)),
      binaryTexts(rows.map((row) => row.displayName)),
      binaryTexts(rows.map((row) => row.company)),
      binaryTexts(rows.map((row) => row.email)),
      binaryFlags(rows.map((row) => row.visitor)),
      binaryTimes(rows.map((row) => row.lastAt)),
      binaryInts(rows.map((row) => row.scoreDay)),
      binaryTimes(rows.map((row) => row.nextChangeAt)),
      binaryTexts(rows.map((row) => companyKeyOf(row.company))),
      binaryTexts(rows.map((row) => row.account)),
    ],
  });
}

export async function deleteRanks(client: Queryable, leads: readonly number[]): Promise<void> {
  if (leads.length > 0)
    await client.query('delete from lead_rank where lead = any($1::bigint[])', [binaryLongs(leads)]);
}
