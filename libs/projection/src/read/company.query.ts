import { membershipOf, type AccountKey, type LeadState } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { CompanyFacts, type CompiledRulebook } from '../domain/index.js';
import { readMembers } from '../store/account.store.js';

/** The companies of these leads, as their members stand at this read: for conditions of scenarios. */
export async function readCompanies(
  db: Queryable,
  states: Iterable<LeadState>,
  rulebook: CompiledRulebook,
  now: number,
): Promise<(state: LeadState) => CompanyFacts | undefined> {
  const keys = new Set<AccountKey>();
  for (const state of states) {
    const account = membershipOf(state)?.account;
    if (account !== undefined) keys.add(account);
  }
  const members = await readMembers(db, [...keys]);
  const companies = new Map([...members].map(([key, list]) => [key, new CompanyFacts(list, rulebook, now)]));
  return (state) => companies.get(membershipOf(state)?.account ?? '');
}
