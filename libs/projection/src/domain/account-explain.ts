import type { ExplainedLine, Locale, Temperature } from '#libs/leads/domain';
import { CompanyFacts } from './account-facts.js';
import { lookOf, type AccountLook } from './account-look.js';
import { clamp, type AccountMember } from './account-members.js';
import { labelOf, type CompiledRulebook } from './compile.js';

/** One line per member, and one for what the cap takes away: they sum to the company's engagement, exactly. Tenths. */
export type AccountLine =
  | { kind: 'member'; lead: number; points: number; engagement: number; capped: number; weighted: number }
  | { kind: 'cap'; points: number };

export interface AccountMemberTold {
  lead: number;
  engagement: number;
  temperature: Temperature;
  engaged: boolean;
  roles: string[];
  reached: boolean;
}

export interface AccountExplanation {
  look: AccountLook;
  lines: AccountLine[];
  members: AccountMemberTold[];
  roles: { name: string; label: string; leads: number[] }[];
  /** The role that decides; null where the rulebook names none. */
  decisionMaker: string | null;
  hot: AccountRuleTold[];
  warm: AccountRuleTold;
}

export interface AccountRuleTold {
  name: string;
  label: string;
  held: boolean;
  lines: ExplainedLine[];
}

/** Why a company stands where it stands; its members by what they add, greatest first. */
export function explainAccount(
  members: readonly AccountMember[],
  rulebook: CompiledRulebook,
  now: number,
  locale: Locale,
): AccountExplanation {
  const facts = new CompanyFacts(members, rulebook, now);
  const { account, document } = rulebook;
  const each = [...facts.each].sort((a, b) => b.points - a.points || a.lead - b.lead);
  const lines = each.map((member): AccountLine => {
    const bounded = clamp(member.engagement, account.perMember);
    const { lead, engagement, points } = member;
    return { kind: 'member', lead, points, engagement, capped: bounded - engagement, weighted: points - bounded };
  });
  const correction = facts.engagement - facts.uncapped;
  const told = (name: string, when: (typeof account.hot)[number]['when']): AccountRuleTold => ({
    name,
    label: labelOf(document, name, locale) ?? name,
    ...when.explain(facts.facts, locale),
  });
  return {
    look: lookOf(facts),
    lines: correction === 0 ? lines : [...lines, { kind: 'cap', points: correction }],
    members: each.map(({ lead, engagement, temperature, engaged, roles, reached }) => ({
      ...{ lead, engagement, temperature, engaged, roles, reached },
    })),
    roles: account.roles.map(({ name }) => ({
      name,
      label: labelOf(document, name, locale) ?? name,
      leads: each.filter(({ roles }) => roles.includes(name)).map(({ lead }) => lead),
    })),
    decisionMaker: account.decisionMaker ?? null,
    hot: account.hot.map(({ name, when }) => told(name, when)),
    warm: told('warm', account.warm),
  };
}
