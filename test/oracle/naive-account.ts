import type { LeadState, LocalDay } from '#libs/leads/domain';
import type { AccountLook, AccountRule, RulebookDocument } from '#libs/projection/domain';
import { NaiveLooker } from './naive-look.js';

/** A rule of which every part is reached by few events; the naive companies below say the same by hand. */
export const accountRule: AccountRule = {
  engagement: { perMember: 35, weights: { boss: 1.5 }, cap: 50 },
  engaged: { engagement: { gte: 20 } },
  roles: { boss: { attribute: 'position', equals: 'director' }, planner: { attribute: 'plannedSeats', gte: 20 } },
  decisionMaker: 'boss',
  reached: { signal: 'sent-form', within: '9d' },
  warm: { account: { hottest: { atLeast: 'warm' } } },
  hot: {
    together: { account: { engagement: { gte: 40 }, engaged: { gte: 2 } } },
    asking: { account: { signal: 'visited', within: '3d', people: { gte: 2 } } },
    seated: { account: { roles: ['planner', 'boss'], reached: true, hottest: 'cold' } },
  },
};

export type Company = Omit<AccountLook, 'day' | 'nextChangeAt' | 'nameKey'>;

/** From leads' states, by hand: who belongs where, what each adds, and what that makes of the company. Points in tenths. */
export function naiveAccounts(
  states: readonly LeadState[],
  document: RulebookDocument,
  hashOf: (signal: string) => string,
  today: LocalDay,
): Map<string, Company> {
  const groups = new Map<string, LeadState[]>();
  for (const state of states) {
    const assigned = state.profile['account']?.value;
    const domain = state.profile['company.domain']?.value;
    const key = typeof assigned === 'string' ? assigned : typeof domain === 'string' ? `d:${domain}` : undefined;
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), state]);
  }
  return new Map([...groups].map(([key, group]) => [key, companyOf(group, document, hashOf, today)]));
}

function companyOf(
  group: readonly LeadState[],
  document: RulebookDocument,
  hashOf: (signal: string) => string,
  today: LocalDay,
): Company {
  const recently = (state: LeadState, signal: string, days: number): boolean =>
    Object.keys(state.counters[hashOf(signal)] ?? {}).some(
      (day) => today - Number(day) >= 0 && today - Number(day) <= days,
    );
  const people = group.map((state) => {
    const { engagement, temperature } = new NaiveLooker(document, hashOf, state, today, null).look();
    const boss = state.profile['position']?.value === 'director';
    const seats = state.profile['plannedSeats']?.value;
    const bounded = engagement > 350 ? 350 : engagement < -350 ? -350 : engagement;
    const size = Math.floor((Math.abs(bounded) * (boss ? 3 : 2)) / 2 + 0.5);
    return {
      temperature,
      boss,
      planner: typeof seats === 'number' && seats >= 20,
      engaged: engagement >= 200,
      reached: boss && recently(state, 'sent-form', 9),
      visited: recently(state, 'visited', 3),
      points: bounded < 0 && size > 0 ? -size : size,
    };
  });
  const sum = people.reduce((total, { points }) => total + points, 0);
  const engagement = sum > 500 ? 500 : sum < -500 ? -500 : sum;
  const engaged = people.filter((one) => one.engaged).length;
  const hottest = ['hot', 'warm', 'cold'].find((level) => people.some((one) => one.temperature === level))!;
  const roles = [
    ...(people.some((one) => one.boss) ? ['boss'] : []),
    ...(people.some((one) => one.planner) ? ['planner'] : []),
  ];
  const reached = people.some((one) => one.reached);
  const hotRules = [
    ...(people.filter((one) => one.visited).length >= 2 ? ['asking'] : []),
    ...(roles.length === 2 && reached && hottest === 'cold' ? ['seated'] : []),
    ...(engagement >= 400 && engaged >= 2 ? ['together'] : []),
  ];
  const named = group
    .flatMap(({ profile }) => (typeof profile['company.name']?.value === 'string' ? [profile['company.name']] : []))
    .sort((a, b) => a.at - b.at || (a.event < b.event ? -1 : 1))
    .at(-1);
  return {
    name: (named?.value as string | undefined) ?? null,
    members: group.length,
    engaged,
    hotMembers: people.filter((one) => one.temperature === 'hot').length,
    hottest: hottest as Company['hottest'],
    engagement,
    roles,
    reached,
    temperature: hotRules.length > 0 ? 'hot' : hottest === 'cold' ? 'cold' : 'warm',
    hotRules,
  };
}
