import {
  compileCondition,
  conditionDefinition,
  type CompiledCondition,
  type LeadMemory,
  type LeadState,
} from '#libs/leads/domain';
import type { CompanyFacts } from './account-facts.js';
import { checkNode } from './check.js';
import type { CompiledRulebook } from './compile.js';
import { sharedFacts } from './look.js';

/** Conditions outside the rulebook that somebody waits for: the leaves of what a scenario's exits and goals name. */
export interface AwaitedConditions {
  /** As listened for: the condition as canonical JSON. */
  readonly names: readonly string[];
  readonly conditions: readonly CompiledCondition[];
}

export interface Awaited extends AwaitedConditions {
  /** Those that read a lead's company: of the company itself, because no lead can tell when they flip. */
  readonly ofCompanies: AwaitedConditions;
}

const prefix = 'condition:';
const compiled = new WeakMap<CompiledRulebook, { key: string; awaited: Awaited | undefined }>();

/** Of everything that is listened for, as `kind:name`. What the rulebook has lost the words for is left out: its runs rest. */
export function awaitedIn(listeners: Iterable<string>, rulebook: CompiledRulebook): Awaited | undefined {
  const names = [...listeners].filter((listener) => listener.startsWith(prefix)).map((one) => one.slice(prefix.length));
  if (names.length === 0) return undefined;
  const key = names.sort().join('\n');
  const known = compiled.get(rulebook);
  if (known?.key === key) return known.awaited;
  const made = names.flatMap((name) => compileAwaited(name, rulebook) ?? []);
  const listed = (ofCompany: boolean): AwaitedConditions => {
    const some = made.filter((one) => one.ofCompany === ofCompany);
    return { names: some.map(({ name }) => name), conditions: some.map(({ condition }) => condition) };
  };
  const awaited = made.length === 0 ? undefined : { ...listed(false), ofCompanies: listed(true) };
  compiled.set(rulebook, { key, awaited });
  return awaited;
}

function compileAwaited(name: string, rulebook: CompiledRulebook) {
  const parsed = conditionDefinition.safeParse(jsonOf(name));
  if (!parsed.success) return undefined;
  let fits = true;
  checkNode(parsed.data, [], rulebook.document, rulebook.conditions.stages, () => (fits = false));
  if (!fits) return undefined;
  return { name, ofCompany: 'account' in parsed.data, condition: compileCondition(parsed.data, rulebook.conditions) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Which of them hold, one character each. */
export function heldOf(
  { conditions }: Awaited,
  state: LeadState,
  rulebook: CompiledRulebook,
  memory: LeadMemory,
  now: number,
): string {
  const facts = sharedFacts(rulebook).at(state, memory, now);
  return conditions.map((condition) => (condition.evaluate(facts) ? '1' : '0')).join('');
}

/** The names of those that hold of a company. */
export const heldOfCompany = ({ names, conditions }: AwaitedConditions, company: CompanyFacts): string[] =>
  names.filter((_, index) => conditions[index]!.evaluate(company.facts));
