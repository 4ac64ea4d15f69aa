import { expect, test } from '@jest/globals';
import { companyDomain, companyDomainBy, registrableDomain } from './company-domain.js';
import { accountKeyOf, membershipOf } from './membership.js';
import { personalDomains } from './personal-domains.js';

test.each<[string, string | undefined]>([
  ['a@example.co.jp', 'example.co.jp'],
  ['a@mail.sales.example.co.jp', 'example.co.jp'],
  ['a@lab.dept.u-tokyo.ac.jp', 'u-tokyo.ac.jp'],
  ['a@会社.jp', '会社.jp'],
  ['a@shop.wixsite.com', 'shop.wixsite.com'],
  ['a@gmail.com', undefined],
  ['a@yahoo.co.jp', undefined],
  ['a@docomo.ne.jp', undefined],
  ['a@ezweb.ne.jp', undefined],
  ['a@i.softbank.jp', undefined],
  ['a@blue.ocn.ne.jp', undefined],
  ['a@jcom.zaq.ne.jp', undefined],
  ['a@jcom.home.ne.jp', undefined],
  ['a@nifty.com', undefined],
  ['a@biglobe.ne.jp', undefined],
  ['a@co.jp', undefined],
  ['a@localhost', undefined],
  ['a@10.0.0.1', undefined],
  ['no-address', undefined],
])('%s names %s', (email, domain) => {
  expect(companyDomain(email)).toBe(domain);
});

test('each shipped domain is a registrable one, so that subdomains are meant as well', () => {
  expect([...personalDomains].filter((domain) => registrableDomain(domain) !== domain)).toEqual([]);
});

test('a rulebook adds to the list and takes from it, subdomains by their own name too', () => {
  const own = companyDomainBy({ personal: ['shared-office.jp'], company: ['nifty.com', 'staff.ocn.ne.jp'] });
  expect(own('a@desk.shared-office.jp')).toBeUndefined();
  expect(own('a@nifty.com')).toBe('nifty.com');
  expect(own('a@staff.ocn.ne.jp')).toBe('staff.ocn.ne.jp');
  expect(own('a@ocn.ne.jp')).toBeUndefined();
  expect(own('a@gmail.com')).toBeUndefined();
});

test.each<[string, string | undefined]>([
  ['d:WWW.Example.co.jp', 'd:example.co.jp'],
  ['n:株式会社ミライ', 'n:ミライ'],
  ['n:ﾐﾗｲ（株）', 'n:ミライ'],
  ['n:ミライ 有限会社', 'n:ミライ'],
  ['n:Acme Co., Ltd.', 'n:acme'],
  ['n:株式会社', undefined],
  ['d:co.jp', undefined],
  ['x:acme', undefined],
  ['d:', undefined],
])('%s is the account %s', (written, key) => {
  expect(accountKeyOf(written)).toBe(key);
});

test('an operator’s word wins over the address until it is withdrawn', () => {
  const stamp = (value: string | null, event: string) => ({ value, at: 1, event });
  const profile = { 'company.domain': stamp('a.co.jp', 'e1') };
  expect(membershipOf({ profile })).toEqual({ account: 'd:a.co.jp', by: 'domain', event: 'e1' });
  expect(membershipOf({ profile: { ...profile, account: stamp('d:b.co.jp', 'e2') } })).toEqual({
    account: 'd:b.co.jp',
    by: 'assignment',
    event: 'e2',
  });
  expect(membershipOf({ profile: { ...profile, account: stamp(null, 'e3') } })?.account).toBe('d:a.co.jp');
  expect(membershipOf({ profile: { account: stamp(null, 'e3') } })).toBeUndefined();
});
