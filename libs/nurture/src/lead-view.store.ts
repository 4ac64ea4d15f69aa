import { isJapanese, type Condition, type LeadMemory, type LeadState, type Json } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import type { LeadView } from './domain/advance.js';

/** A lead as it stands, read again whenever something is about to happen to it. */
export interface LeadRecord {
  lead: number;
  state: LeadState;
  memory: LeadMemory;
  email: string | null;
  suppressed: boolean;
}

/**
 * Judges a condition of the one condition language about a lead at `now`. Conditions about a lead's company are judged of
 * `companiesOf` only: their companies are read, with all members, as they stand.
 */
export type ConditionJudge = (
  db: Queryable,
  companiesOf?: { records: Iterable<LeadRecord>; now: number },
) => Promise<(condition: Condition, lead: LeadRecord, now: number) => boolean>;

/** By subject key; keys that no lead owns are absent. */
export async function readLeads(db: Queryable, subjectKeys: readonly string[]): Promise<Map<string, LeadRecord>> {
  const result = await db.query<LeadRecord & { key: string }>(
    `select k.key, root.id as lead, root.state, root.memory, mail.email, s.hash is not null as suppressed
     from subject_key k
     join lead own on own.id = k.lead
     join lead root on root.id = coalesce(own.merged_into, own.id)
     left join lateral (select coalesce(
       root.state #>> '{profile,email,value}',
       case when k.key like 'e:%' then substr(k.key, 3) end) as email) mail on true
     left join suppression s on s.hash = encode(sha256(convert_to(mail.email, 'UTF8')), 'hex')
     where k.key = any($1::text[])`,
    [[...new Set(subjectKeys)]],
  );
  return new Map(result.rows.map(({ key, ...record }) => [key, record]));
}

export function viewOf(
  record: LeadRecord,
  more: {
    subjectKey: string;
    olderRun: boolean;
    now: number;
    holds: (condition: Condition, lead: LeadRecord, now: number) => boolean;
  },
): LeadView {
  return {
    subjectKey: more.subjectKey,
    hot: record.memory.hot,
    address: record.email !== null,
    suppressed: record.suppressed,
    consentWithdrawn: record.state.consent['marketing']?.value.state === 'withdrawn',
    olderRun: more.olderRun,
    holds: (condition) => more.holds(condition, record, more.now),
  };
}

export const attribute = (record: LeadRecord, name: string): Json | undefined => record.state.profile[name]?.value;

export const textAttribute = (record: LeadRecord, name: string): string => {
  const value = attribute(record, name);
  return typeof value === 'string' ? value.slice(0, 200) : '';
};

/** What the lead said, else the script of its name, else the default. */
export function localeOf(record: LeadRecord, byDefault: 'ja' | 'en'): 'ja' | 'en' {
  const said = textAttribute(record, 'locale').toLowerCase();
  if (said.startsWith('ja')) return 'ja';
  if (said.startsWith('en')) return 'en';
  const name =
    textAttribute(record, 'familyName') + textAttribute(record, 'givenName') + textAttribute(record, 'company.name');
  if (name === '') return byDefault;
  return isJapanese(name) ? 'ja' : 'en';
}
