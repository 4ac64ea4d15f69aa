import { companyDomain, companyDomainBy, tenths, type CompanyDomain, type CompiledCondition } from '#libs/leads/domain';
import type { Condition } from '#libs/leads/domain';
import { plainAccountRule, type AccountRule } from './account-document.js';

export interface CompiledAccountRule {
  readonly domainOf: CompanyDomain;
  /** Tenths. */
  readonly perMember: number;
  readonly cap: number;
  /** Thousandths, by role. */
  readonly weights: ReadonlyMap<string, number>;
  readonly engaged: CompiledCondition;
  readonly roles: readonly { name: string; when: CompiledCondition }[];
  readonly decisionMaker: string | undefined;
  readonly reached: CompiledCondition | undefined;
  readonly warm: CompiledCondition;
  readonly hot: readonly { name: string; when: CompiledCondition }[];
}

export function compileAccountRule(
  stated: AccountRule | undefined,
  compile: (condition: Condition) => CompiledCondition,
): CompiledAccountRule {
  const rule = stated ?? plainAccountRule;
  const { perMember, cap, weights } = rule.engagement ?? {};
  const named = (map: Record<string, Condition>) =>
    Object.keys(map)
      .sort()
      .map((name) => ({ name, when: compile(map[name]!) }));
  return {
    domainOf: rule.domains ? companyDomainBy(rule.domains) : companyDomain,
    perMember: perMember === undefined ? Infinity : tenths(perMember),
    cap: cap === undefined ? Infinity : tenths(cap),
    weights: new Map(Object.entries(weights ?? {}).map(([role, weight]) => [role, Math.round(weight * 1000)])),
    engaged: compile(rule.engaged),
    roles: named(rule.roles ?? {}),
    decisionMaker: rule.decisionMaker,
    reached: rule.reached && compile(rule.reached),
    warm: compile(rule.warm),
    hot: named(rule.hot),
  };
}
