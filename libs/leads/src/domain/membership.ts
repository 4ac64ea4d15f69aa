import { normalHost, registrableDomain } from './company-domain.js';
import { companyKey } from './company-name.js';
import type { Json, LeadEvent } from './event.js';
import type { LeadState } from './state.js';

/** `d:<registrable domain>`, or `n:<company name key>` for companies without a domain of their own. */
export type AccountKey = string;

const longest = 253;

/** As people write it: `d:www.example.co.jp`, `n:株式会社サンプル`. Undefined where it names no company. */
export function accountKeyOf(written: string): AccountKey | undefined {
  const value = written.slice(2);
  if (value.length === 0 || value.length > longest) return undefined;
  if (written.startsWith('d:')) {
    const domain = registrableDomain(normalHost(value));
    return domain === undefined ? undefined : `d:${domain}`;
  }
  if (!written.startsWith('n:')) return undefined;
  const key = companyKey(value);
  return key === '' ? undefined : `n:${key}`;
}

/** What an operator says about whose lead this is; withdrawing it leaves the address to decide again. */
export function accountOf(event: LeadEvent): Record<string, Json> {
  if (event.name === 'withdrawn') return { account: null };
  const stated = event.properties['account'];
  const account = event.name === 'assigned' && typeof stated === 'string' ? accountKeyOf(stated) : undefined;
  return account === undefined ? {} : { account };
}

export interface Membership {
  account: AccountKey;
  by: 'assignment' | 'domain';
  /** The event that says so. */
  event: string;
}

/** The company a lead belongs to, from its attributes alone: an operator's word wins over the address. */
export function membershipOf({ profile }: Pick<LeadState, 'profile'>): Membership | undefined {
  const assigned = profile['account'];
  if (typeof assigned?.value === 'string') return { account: assigned.value, by: 'assignment', event: assigned.event };
  const domain = profile['company.domain'];
  return typeof domain?.value === 'string'
    ? { account: `d:${domain.value}`, by: 'domain', event: domain.event }
    : undefined;
}
