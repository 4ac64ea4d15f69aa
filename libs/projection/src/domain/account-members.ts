import {
  freshMemory,
  SignalDays,
  temperatureOrder,
  type LeadState,
  type LocalDay,
  type Temperature,
} from '#libs/leads/domain';
import { weighted } from '#libs/scoring/domain';
import type { CompiledAccountRule } from './account-compile.js';
import type { CompiledRulebook } from './compile.js';
import { horizonDays, LeadFacts } from './facts.js';

export interface AccountMember {
  lead: number;
  state: LeadState;
}

/** One member on one day, from its own state alone: what was decided about it is not asked. Points are tenths. */
export interface MemberFacts extends AccountMember {
  engagement: number;
  temperature: Temperature;
  roles: string[];
  engaged: boolean;
  /** It decides, and was reached. */
  reached: boolean;
  weight: number;
  /** What it adds to the company's engagement. */
  points: number;
}

/** What may come of the members when time goes on and nothing happens. */
export interface MembersAhead {
  memberFlip: LocalDay;
  /** Some event lies in the future. */
  unsteady: boolean;
  /** The least and the greatest that their points may add up to until `ahead[index]` days from now. */
  least: number[];
  greatest: number[];
}

/** Days ahead that are tried: a crossing between two of them is told as the day after the earlier one. */
export const ahead: readonly number[] = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, horizonDays];

const shared = new WeakMap<CompiledRulebook, LeadFacts>();

function factsFor(rulebook: CompiledRulebook): LeadFacts {
  let facts = shared.get(rulebook);
  if (!facts) shared.set(rulebook, (facts = new LeadFacts(rulebook)));
  return facts;
}

const undecided = freshMemory();

export function measureMember({ lead, state }: AccountMember, rulebook: CompiledRulebook, now: number): MemberFacts {
  const facts = factsFor(rulebook).at(state, undecided, now);
  const { engagement, temperature } = facts;
  return { lead, state, engagement, temperature, ...memberStanding(facts) };
}

/** Of the lead at which `facts` stand: no condition that is asked here may read a decision. */
export function memberStanding(
  facts: LeadFacts,
): Pick<MemberFacts, 'roles' | 'engaged' | 'reached' | 'weight' | 'points'> {
  const { account } = facts.rulebook;
  const roles: string[] = [];
  for (const { name, when } of account.roles) if (when.evaluate(facts)) roles.push(name);
  const weight = weightOf(roles, account);
  return {
    roles,
    engaged: account.engaged.evaluate(facts),
    reached:
      account.decisionMaker !== undefined &&
      roles.includes(account.decisionMaker) &&
      !!account.reached?.evaluate(facts),
    weight,
    points: pointsOf(facts.engagement, weight, account),
  };
}

function weightOf(roles: readonly string[], { weights }: CompiledAccountRule): number {
  if (weights.size === 0 || roles.length === 0) return 1000;
  const stated = roles.flatMap((role) => weights.get(role) ?? []);
  return stated.length === 0 ? 1000 : Math.max(...stated);
}

export const clamp = (amount: number, cap: number): number => Math.max(-cap, Math.min(cap, amount));

/** Never less for a greater engagement. */
export const pointsOf = (engagement: number, weight: number, { perMember }: CompiledAccountRule): number =>
  weighted(clamp(engagement, perMember), weight);

/** Every member is measured again, so it is asked for only where the next change is. */
export function lookAhead(members: readonly MemberFacts[], rulebook: CompiledRulebook, now: number): MembersAhead {
  const { account } = rulebook;
  const result: MembersAhead = {
    memberFlip: Number.MAX_SAFE_INTEGER,
    unsteady: false,
    least: ahead.map(() => 0),
    greatest: ahead.map(() => 0),
  };
  for (const { state, weight } of members) {
    const facts = factsFor(rulebook).at(state, undecided, now);
    result.memberFlip = Math.min(
      result.memberFlip,
      facts.flipOf('temperature'),
      account.engaged.nextFlip(facts),
      account.reached?.nextFlip(facts) ?? Number.MAX_SAFE_INTEGER,
      ...account.roles.map(({ when }) => when.nextFlip(facts)),
    );
    result.unsteady ||= state.lastAt !== undefined && state.lastAt > now;
    for (const [index, days] of ahead.entries()) {
      const range = facts.engagementUntil(facts.today + days);
      result.least[index]! += pointsOf(range.least, weight, account);
      result.greatest[index]! += pointsOf(range.greatest, weight, account);
    }
  }
  return result;
}

export interface MeasuredMembers {
  each: MemberFacts[];
  ahead: MembersAhead;
}

/** Of a part of a company's members: a company of thousands is measured in parts, so that nobody waits for all of it. */
export function measureMembers(
  members: readonly AccountMember[],
  rulebook: CompiledRulebook,
  now: number,
): MeasuredMembers {
  const each = members.map((member) => measureMember(member, rulebook, now));
  return { each, ahead: lookAhead(each, rulebook, now) };
}

export function joinMeasured(parts: readonly MeasuredMembers[]): MeasuredMembers {
  const sum = (of: (ahead: MembersAhead) => number[]) =>
    ahead.map((_, index) => parts.reduce((total, part) => total + of(part.ahead)[index]!, 0));
  return {
    each: parts.flatMap(({ each }) => each),
    ahead: {
      memberFlip: parts.reduce((flip, part) => Math.min(flip, part.ahead.memberFlip), Number.MAX_SAFE_INTEGER),
      unsteady: parts.some((part) => part.ahead.unsteady),
      least: sum(({ least }) => least),
      greatest: sum(({ greatest }) => greatest),
    },
  };
}

export const hottestOf = (members: readonly MemberFacts[]): Temperature =>
  temperatureOrder.find((level) => members.some(({ temperature }) => temperature === level)) ?? 'cold';

const days = new SignalDays();

/** The days of one member's signal; the next call reads another. */
export const signalDaysOf = ({ state }: AccountMember, hash: string): SignalDays => days.read(state.counters[hash]);
