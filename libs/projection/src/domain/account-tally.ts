import {
  daysOf,
  temperatureOrder,
  type AccountFacts,
  type Condition,
  type Facts,
  type Temperature,
} from '#libs/leads/domain';
import { plainAccountRule } from './account-document.js';
import { clamp, memberStanding } from './account-members.js';
import type { CompiledRulebook } from './compile.js';
import type { LeadFacts } from './facts.js';

/** Occurrences of a signal that the account's own conditions ask for. */
interface AskedSignal {
  slot: number;
  window: number;
}

/** What one company's members add up to, one after the other: nothing is kept of any of them. */
class CompanyTally {
  members = 0;
  engaged = 0;
  points = 0;
  /** Index into `temperatureOrder`. */
  hottest = temperatureOrder.length - 1;
  reached = false;
  readonly roles = new Set<string>();
  occurrences: number[] | undefined;
  people: number[] | undefined;
}

/** The temperatures of all companies on one day under one rulebook, in bounded memory: as `lookAtAccount` tells them. */
export class CompanyTallies {
  private readonly companies = new Map<string, CompanyTally>();
  private readonly asked: readonly AskedSignal[];

  constructor(private readonly rulebook: CompiledRulebook) {
    this.asked = askedSignals(rulebook);
  }

  /** `facts` stand at a member, on the day. */
  add(account: string, facts: LeadFacts): void {
    let company = this.companies.get(account);
    if (!company) this.companies.set(account, (company = new CompanyTally()));
    const { roles, engaged, reached, points } = memberStanding(facts);
    company.members += 1;
    if (engaged) company.engaged += 1;
    if (reached) company.reached = true;
    company.points += points;
    company.hottest = Math.min(company.hottest, temperatureOrder.indexOf(facts.temperature));
    for (const role of roles) company.roles.add(role);
    if (this.asked.length > 0) this.count(company, facts);
  }

  private count(company: CompanyTally, facts: LeadFacts): void {
    const occurrences = (company.occurrences ??= this.asked.map(() => 0));
    const people = (company.people ??= this.asked.map(() => 0));
    for (const [index, { slot, window }] of this.asked.entries()) {
      const counted = facts.signalDays(slot).count(facts.today, window);
      occurrences[index]! += counted;
      if (counted > 0) people[index]! += 1;
    }
  }

  *temperatures(): Generator<[account: string, temperature: Temperature]> {
    for (const [account, company] of this.companies) yield [account, this.temperatureOf(company)];
  }

  private temperatureOf(company: CompanyTally): Temperature {
    const { account } = this.rulebook;
    const find = (slot: number, window: number): number =>
      this.asked.findIndex((asked) => asked.slot === slot && asked.window === window);
    const standing: Omit<AccountFacts, 'temperature' | `${string}Flip` | 'crossingDay'> = {
      hottest: temperatureOrder[company.hottest]!,
      engagement: clamp(company.points, account.cap),
      members: company.members,
      engaged: company.engaged,
      reached: company.reached,
      covers: (role) => company.roles.has(role),
      occurrences: (slot, window) => company.occurrences![find(slot, window)]!,
      people: (slot, window) => company.people![find(slot, window)]!,
    };
    // its own conditions read nothing else, and when they flip is not asked
    const facts = { account: standing } as unknown as Facts;
    if (account.hot.some(({ when }) => when.evaluate(facts))) return 'hot';
    return account.warm.evaluate(facts) ? 'warm' : 'cold';
  }
}

function askedSignals({ document, conditions }: CompiledRulebook): AskedSignal[] {
  const { warm, hot } = document.account ?? plainAccountRule;
  const asked = new Map<string, AskedSignal>();
  const visit = (node: Condition): void => {
    if ('all' in node) node.all.forEach(visit);
    else if ('any' in node) node.any.forEach(visit);
    else if ('not' in node) visit(node.not);
    else if ('account' in node && node.account.signal !== undefined) {
      const slot = conditions.signalSlot(node.account.signal);
      const window = node.account.within === undefined ? Infinity : daysOf(node.account.within);
      asked.set(`${slot} ${window}`, { slot, window });
    }
  };
  for (const condition of [warm, ...Object.values(hot)]) visit(condition);
  return [...asked.values()];
}
