import { getDomain } from 'tldts';
import { personalDomains } from './personal-domains.js';

/** The registrable domain of an organisation's address; undefined for addresses that anybody can have. */
export type CompanyDomain = (email: string) => string | undefined;

const mostRemembered = 20_000;

/** `personal` adds to the shipped list, `company` takes from it; both also know a subdomain by its own name. */
export function companyDomainBy({ personal = [], company = [] }: Partial<DomainLists>): CompanyDomain {
  const taken = new Set(company.map(normalHost));
  const personals = new Set([...personalDomains, ...personal.map(normalHost)].filter((domain) => !taken.has(domain)));
  // people of one company write from one domain, and taking a name apart costs more than remembering it
  const remembered = new Map<string, string | undefined>();
  const domainOf = (host: string): string | undefined => {
    if (taken.has(host)) return host;
    const domain = registrableDomain(host);
    return personals.has(host) || (domain !== undefined && personals.has(domain)) ? undefined : domain;
  };
  return (email) => {
    const at = email.lastIndexOf('@');
    const host = email.slice(at + 1);
    if (at < 0 || host.length > 253) return undefined;
    const known = remembered.get(host);
    if (known !== undefined || remembered.has(host)) return known;
    if (remembered.size >= mostRemembered) remembered.clear();
    const domain = domainOf(host);
    remembered.set(host, domain);
    return domain;
  };
}

export interface DomainLists {
  personal: readonly string[];
  company: readonly string[];
}

/** By the public suffix list; customers of a shared host (`shop.wixsite.com`) are companies of their own. */
export const registrableDomain = (host: string): string | undefined =>
  getDomain(host, { allowPrivateDomains: true }) ?? getDomain(host) ?? undefined;

export const normalHost = (host: string): string => host.normalize('NFKC').trim().toLowerCase();

export const companyDomain: CompanyDomain = companyDomainBy({});
