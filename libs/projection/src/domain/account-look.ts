import { companyKey, type CompiledCondition, type LocalDay, type Temperature } from '#libs/leads/domain';
import { CompanyFacts } from './account-facts.js';
import type { AccountMember, MeasuredMembers } from './account-members.js';
import type { CompiledRulebook } from './compile.js';

/** What a rulebook makes of a company on one day. Points are tenths. */
export interface AccountLook {
  day: LocalDay;
  /** As the latest of its members wrote it. */
  name: string | null;
  /** What spellings of that name have in common. */
  nameKey: string | null;
  members: number;
  engaged: number;
  hotMembers: number;
  hottest: Temperature;
  engagement: number;
  /** Covered, in order of name. */
  roles: string[];
  reached: boolean;
  temperature: Temperature;
  hotRules: string[];
  /** ms: the start of a local day, never later than the first on which any of this but the points differs. */
  nextChangeAt: number;
}

export function lookAtAccount(
  members: readonly AccountMember[],
  rulebook: CompiledRulebook,
  now: number,
  measured?: MeasuredMembers,
): AccountLook {
  return lookOf(new CompanyFacts(members, rulebook, now, measured));
}

export function lookOf(facts: CompanyFacts, awaited?: readonly CompiledCondition[]): AccountLook {
  const { today, engaged, hottest, engagement, reached, temperature, hotRules, rulebook } = facts;
  const name = nameOf(facts.each);
  return {
    day: today,
    name,
    nameKey: (name && companyKey(name)) || null,
    members: facts.members,
    engaged,
    hotMembers: facts.each.filter((member) => member.temperature === 'hot').length,
    hottest,
    engagement,
    roles: [...facts.roles].sort(),
    reached,
    temperature,
    hotRules,
    nextChangeAt: rulebook.zone.dayStart(facts.nextChangeDay(awaited)),
  };
}

/** Last writer wins by (at, event id), as in one lead. */
function nameOf(members: readonly AccountMember[]): string | null {
  let latest: { value: string; at: number; event: string } | undefined;
  for (const { state } of members) {
    const stated = state.profile['company.name'];
    if (typeof stated?.value !== 'string' || stated.value === '') continue;
    if (!latest || stated.at > latest.at || (stated.at === latest.at && stated.event > latest.event))
      latest = { value: stated.value, at: stated.at, event: stated.event };
  }
  return latest?.value ?? null;
}
