import {
  never,
  type AccountFacts,
  type CompiledCondition,
  type Facts,
  type LocalDay,
  type Temperature,
} from '#libs/leads/domain';
import {
  ahead,
  clamp,
  hottestOf,
  lookAhead,
  measureMember,
  signalDaysOf,
  type AccountMember,
  type MeasuredMembers,
  type MemberFacts,
  type MembersAhead,
} from './account-members.js';
import type { CompiledRulebook } from './compile.js';
import { horizonDays } from './facts.js';

/** One company on one day: a pure function of its members' states, the rulebook and the day, in whatever order they come. */
export class CompanyFacts implements AccountFacts {
  readonly each: readonly MemberFacts[];
  readonly today: LocalDay;
  readonly engagement: number;
  /** Before the cap of the whole. */
  readonly uncapped: number;
  readonly members: number;
  readonly engaged: number;
  readonly hottest: Temperature;
  readonly reached: boolean;
  readonly roles: ReadonlySet<string>;
  readonly temperature: Temperature;
  readonly hotRules: string[];
  private later: MembersAhead | undefined;
  /** The account's own conditions read nothing else. */
  private readonly asFacts = { account: this } as unknown as Facts;

  constructor(
    members: readonly AccountMember[],
    readonly rulebook: CompiledRulebook,
    private readonly now: number,
    measured?: MeasuredMembers,
  ) {
    this.later = measured?.ahead;
    const { account } = rulebook;
    this.today = rulebook.zone.localDay(now);
    this.each = measured?.each ?? members.map((member) => measureMember(member, rulebook, now));
    this.uncapped = this.each.reduce((sum, { points }) => sum + points, 0);
    this.engagement = clamp(this.uncapped, account.cap);
    this.members = members.length;
    this.engaged = this.each.filter(({ engaged }) => engaged).length;
    this.hottest = hottestOf(this.each);
    this.reached = this.each.some(({ reached }) => reached);
    this.roles = new Set(this.each.flatMap(({ roles }) => roles));
    this.hotRules = account.hot.filter(({ when }) => when.evaluate(this.asFacts)).map(({ name }) => name);
    this.temperature = this.hotRules.length > 0 ? 'hot' : account.warm.evaluate(this.asFacts) ? 'warm' : 'cold';
  }

  /** For conditions that ask about the company only. */
  get facts(): Facts {
    return this.asFacts;
  }

  covers(role: string): boolean {
    return this.roles.has(role);
  }

  occurrences(slot: number, window: number): number {
    return this.each.reduce((sum, member) => sum + this.countOf(member, slot, window), 0);
  }

  people(slot: number, window: number): number {
    return this.each.filter((member) => this.countOf(member, slot, window) > 0).length;
  }

  private countOf(member: MemberFacts, slot: number, window: number): number {
    return signalDaysOf(member, this.rulebook.signalHashes[slot]!).count(this.today, window);
  }

  private get ahead(): MembersAhead {
    return (this.later ??= lookAhead(this.each, this.rulebook, this.now));
  }

  memberFlip(): LocalDay {
    return this.ahead.memberFlip;
  }

  temperatureFlip(): LocalDay {
    const { hot, warm } = this.rulebook.account;
    const flips = hot
      .filter(({ name }) => this.temperature !== 'hot' || this.hotRules.includes(name))
      .map(({ when }) => when.nextFlip(this.asFacts));
    if (this.temperature === 'hot') return Math.max(...flips);
    return Math.min(never, warm.nextFlip(this.asFacts), ...flips);
  }

  /** Each member's side that leads towards the threshold is let fade, the other held; so it may be early, never late. */
  crossingDay(threshold: number): LocalDay {
    if (this.ahead.unsteady) return this.today + 1;
    const { account } = this.rulebook;
    const above = this.engagement >= threshold;
    const sums = above ? this.ahead.least : this.ahead.greatest;
    const index = sums.findIndex((sum) => clamp(sum, account.cap) >= threshold !== above);
    const crossed = index < 0 ? never : this.today + (ahead[index - 1] ?? 0) + 1;
    return account.weights.size > 0 ? Math.min(crossed, this.memberFlip()) : crossed;
  }

  signalFlip(slot: number, window: number): LocalDay {
    let flip = never;
    for (const member of this.each) {
      const days = signalDaysOf(member, this.rulebook.signalHashes[slot]!);
      for (let index = 0; index < days.length; index += 1) {
        const day = days.days[index]!;
        const turns = day > this.today ? day : day + window + 1;
        if (turns > this.today) flip = Math.min(flip, turns);
      }
    }
    return flip;
  }

  /** `awaited`: conditions outside the rulebook whose flips are changes too. */
  nextChangeDay(awaited: readonly CompiledCondition[] = []): LocalDay {
    // every rule that holds is told, so one that falls is a change although another keeps the company hot
    const watched = [...this.rulebook.account.hot.map(({ when }) => when), ...awaited];
    const rules = watched.map((when) => when.nextFlip(this.asFacts));
    const day = Math.min(this.today + horizonDays, this.temperatureFlip(), this.memberFlip(), ...rules);
    return Math.max(day, this.today + 1);
  }
}
