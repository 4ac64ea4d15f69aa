import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { profileOf } from './attributes.js';
import { companyDomain } from './company-domain.js';
import { companyKey } from './company-name.js';
import { employeesOf } from './company-size.js';
import { consentOf } from './consent.js';
import type { JsonObject, LeadEvent } from './event.js';
import { introductionDay } from './introduction-date.js';
import { makeZone, parseDay } from './local-day.js';
import { displayNameOf, splitName } from './person-name.js';
import { positionOf } from './position.js';

const zone = makeZone('Asia/Tokyo');
const event = (partial: Partial<LeadEvent>): LeadEvent => ({
  id: '00000000-0000-5000-8000-000000000001',
  type: 'identify',
  source: 'web',
  occurredAt: Date.UTC(2026, 4, 31, 15),
  receivedAt: Date.UTC(2026, 4, 31, 15),
  properties: {},
  ...partial,
});
const profile = (partial: Partial<LeadEvent>): Record<string, unknown> => profileOf(event(partial), zone);

test('a Japanese form feeds the profile', () => {
  const properties = {
    会社名: '株式会社ミライ',
    部署: 'マーケティング部',
    役職: '部長',
    従業員数: '100〜299名',
    姓: '山田',
    名: '太郎様',
    導入時期: '３ヶ月以内',
    課題: '月次レポートに時間がかかる',
    TEL: '０３-1234-5678',
    住所: '東京都港区1-2-3',
  };
  expect(profile({ type: 'track', links: true, email: 'yamada@mirai.co.jp', properties })).toEqual({
    email: 'yamada@mirai.co.jp',
    'company.domain': 'mirai.co.jp',
    'company.name': '株式会社ミライ',
    department: 'マーケティング部',
    jobTitle: '部長',
    position: 'director',
    'company.employees': 100,
    familyName: '山田',
    givenName: '太郎',
    displayName: '山田 太郎',
    introductionBy: '2026-09-01',
    challenge: '月次レポートに時間がかかる',
    phone: '03-1234-5678',
    location: '東京都',
  });
});

test("Segment's reserved traits feed the profile, nested and in every spelling", () => {
  const traits = {
    name: 'Jane van Doe',
    title: 'Head of Marketing',
    company: { name: 'Acme', employee_count: 1200, industry: 'IT' },
    address: { city: 'Oslo', postalCode: '0150', street: 'x' },
    plan: 'pro',
  };
  expect(profile({ traits })).toEqual({
    displayName: 'Jane van Doe',
    givenName: 'Jane van',
    familyName: 'Doe',
    jobTitle: 'Head of Marketing',
    position: 'director',
    'company.name': 'Acme',
    'company.employees': 1200,
    'company.industry': 'IT',
    location: 'Oslo',
    postalCode: '0150',
  });
  expect(profile({ traits: { last_name: 'Doe', 'First Name': 'Jane' } })).toEqual({
    familyName: 'Doe',
    givenName: 'Jane',
    displayName: 'Jane Doe',
  });
  expect(profile({ type: 'group', traits: { name: 'Acme', employees: '50-99' } })).toEqual({
    'company.name': 'Acme',
    'company.employees': 50,
  });
});

test("a form's title and a page's name are no job title and no person", () => {
  expect(
    profile({ type: 'track', links: true, name: 'Inquiry', properties: { title: 'Director of all', name: 'Inquiry' } }),
  ).toEqual({});
  expect(profile({ type: 'page', properties: { title: 'CEO', company: 'Acme' } })).toEqual({});
});

test('the order of members decides nothing', () => {
  const name = fc.constantFrom(
    'lastName',
    'last_name',
    '姓',
    'familyName',
    'company',
    'companyName',
    'position',
    'title',
    'name',
    'fullName',
    'address',
    'employees',
    '従業員数',
    'leadSource',
    'channel',
  );
  const value = fc.oneof(
    fc.constantFrom<JsonObject | string | number | null>('部長', 'A B', '', null, 12, '100-299', {
      name: 'N',
      city: 'C',
      state: 'S',
    }),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 8 }), (members) => {
      const forward = Object.fromEntries(members);
      const backward = Object.fromEntries([...members].reverse());
      expect(profile({ traits: backward })).toEqual(profile({ traits: forward }));
      expect(profile({ type: 'track', links: true, properties: backward })).toEqual(
        profile({ type: 'track', links: true, properties: forward }),
      );
    }),
  );
});

test('S13: what a profile takes is bounded and well-formed', () => {
  const long = '😀'.repeat(5000);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3 }), (shift) => {
      const found = profile({
        traits: { company: 'a'.repeat(shift) + long },
        context: { campaign: { source: 'a'.repeat(shift) + long } },
      });
      for (const value of Object.values(found)) {
        expect(String(value).length).toBeLessThanOrEqual(200);
        expect(Buffer.from(String(value)).toString()).toBe(String(value));
      }
    }),
  );
});

test('the first touch is one touch: a campaign states all its fields', () => {
  const context = {
    campaign: { source: 'news', name: 'spring' },
    page: { url: 'https://www.example.jp/a', referrer: 'https://search.example/q' },
  };
  expect(profile({ type: 'page', context })).toEqual({
    'firstTouch.source': 'news',
    'firstTouch.medium': null,
    'firstTouch.campaign': 'spring',
    'firstTouch.term': null,
    'firstTouch.content': null,
    'firstTouch.referrer': 'search.example',
  });
  expect(
    profile({ type: 'page', context: { page: { url: 'https://www.example.jp/a', referrer: 'https://example.jp/b' } } }),
  ).toEqual({});
});

test('an answer keeps its value, grade and level; an empty one opens the question again', () => {
  const answered = (properties: JsonObject) => profile({ type: 'qualification', name: 'answered', properties });
  const bant = { framework: 'bant', question: 'budget' };
  expect(answered({ ...bant, answer: '　５００万円  まで', grade: 'good', level: 'opportunity' })).toEqual({
    'qualification.bant.budget': { answer: '500万円 まで', grade: 'good', level: 'opportunity' },
  });
  expect(answered({ ...bant, answer: 0, grade: 'splendid', level: 'planet' })).toEqual({
    'qualification.bant.budget': { answer: 0, level: 'opportunity' },
  });
  for (const answer of [null, '  ', ['a'], { a: 1 }])
    expect(answered({ ...bant, answer })).toEqual({ 'qualification.bant.budget': null });
  expect(answered({ framework: '__proto__', question: 'x', answer: 1 })).toEqual({});
  expect(answered({ framework: 'bant', question: 'a.b', answer: 1 })).toEqual({});
  const long = answered({ ...bant, answer: 'a'.repeat(5_000) })['qualification.bant.budget'] as { answer: string };
  expect(long.answer.length).toBeLessThanOrEqual(200);
  expect(profile({ source: 'web', traits: { 'bant.budget': 'much', 'qualification.bant.budget': 'much' } })).toEqual(
    {},
  );
});

test.each([
  ['代表取締役社長', 'executive'],
  ['CEO', 'executive'],
  ['Chief Marketing Officer', 'executive'],
  ['執行役員 CMO', 'executive'],
  ['経営者・役員クラス', 'executive'],
  ['President', 'executive'],
  ['部長', 'director'],
  ['営業本部長', 'director'],
  ['取締役本部長', 'director'],
  ['Head of Marketing', 'director'],
  ['Vice President of Sales', 'director'],
  ['Director', 'director'],
  ['課長', 'manager'],
  ['次長', 'manager'],
  ['部長代理', 'manager'],
  ['社長室長', 'manager'],
  ['Marketing Manager', 'manager'],
  ['マネージャー', 'manager'],
  ['係長', 'leader'],
  ['主任', 'leader'],
  ['課長補佐', 'leader'],
  ['Team Lead', 'leader'],
  ['一般社員', 'staff'],
  ['営業担当', 'staff'],
  ['Assistant to the CEO', 'staff'],
  ['Account Executive', 'staff'],
  ['manager', 'manager'],
  ['猫', undefined],
])('%s is %s', (title, position) => {
  expect(positionOf(title)).toBe(position);
});

test.each<[string | number, number | undefined]>([
  ['100-299', 100],
  ['100名以上', 100],
  ['1,000人以上', 1000],
  ['１００～２９９名', 100],
  ['50名未満', 1],
  ['less than 50', 1],
  ['約300名', 300],
  ['1万人以上', 10_000],
  ['50-99名以下', 50],
  ['1001 to 5000', 1001],
  [250.9, 250],
  [-1, undefined],
  ['多い', undefined],
  ['10,001+', 10_001],
])('%p vouches for %p employees', (answer, least) => {
  expect(employeesOf(answer)).toBe(least);
});

test.each<[string, string | null | undefined]>([
  ['3ヶ月以内', '2026-08-30'],
  ['within 3 months', '2026-08-30'],
  ['3か月〜6か月以内', '2026-11-30'],
  ['3-6 months', '2026-11-30'],
  ['半年以内', '2026-11-30'],
  ['1年以内', '2027-05-30'],
  ['2週間以内', '2026-06-13'],
  ['すぐに', '2026-05-30'],
  ['ASAP', '2026-05-30'],
  ['今月中', '2026-05-31'],
  ['来月', '2026-06-30'],
  ['年内', '2026-12-31'],
  ['2026年12月', '2026-12-31'],
  ['2026-12-01', '2026-12-01'],
  ['2026/9/5', '2026-09-05'],
  ['未定', null],
  ['6ヶ月以上先', null],
  ['more than 1 year', null],
  ['さあ', undefined],
])('told on 2026-05-30, %p means %p', (answer, day) => {
  expect(introductionDay(answer, parseDay('2026-05-30')!)).toBe(day);
});

test('names split at a space only, and are written in their own order', () => {
  expect(splitName('山田　太郎 様')).toEqual({ familyName: '山田', givenName: '太郎' });
  expect(splitName('山田太郎')).toEqual({ familyName: '山田太郎' });
  expect(splitName('Taro Yamada')).toEqual({ familyName: 'Yamada', givenName: 'Taro' });
  expect(displayNameOf({ familyName: 'Yamada', givenName: 'Taro' })).toBe('Taro Yamada');
  expect(displayNameOf({ familyName: '山田', givenName: '太郎' })).toBe('山田 太郎');
  expect(displayNameOf({})).toBeUndefined();
});

test('spellings of one company have one key', () => {
  for (const name of ['株式会社ミライ', 'ミライ㈱', '（株）ミライ', 'ﾐﾗｲ 株式会社'])
    expect(companyKey(name)).toBe('ミライ');
  expect(companyKey('Acme Co., Ltd.')).toBe('acme');
  expect(companyKey('株式会社Inc.Lab')).toBe('inclab');
  expect(companyKey('髙島商事')).toBe(companyKey('高島商事'));
  expect(companyDomain('a@gmail.com')).toBeUndefined();
  expect(companyDomain('a@acme.co.jp')).toBe('acme.co.jp');
});

test('consent is read from consents, forms and identifies', () => {
  expect(
    consentOf(
      event({ type: 'consent', name: 'granted', properties: { purpose: 'newsletter', basis: 'business-card' } }),
    ),
  ).toEqual({ newsletter: { state: 'granted', basis: 'business-card' } });
  expect(consentOf(event({ traits: { consent: false } }))).toEqual({
    marketing: { state: 'withdrawn', basis: 'opt-in' },
  });
  expect(
    consentOf(event({ type: 'track', links: true, properties: { consent: { marketing: true, wording: 'v3' } } })),
  ).toEqual({ marketing: { state: 'granted', basis: 'opt-in', wording: 'v3' } });
  expect(consentOf(event({ type: 'track', properties: { consent: true } }))).toEqual({});
  expect(consentOf(event({ type: 'suppression', name: 'unsubscribe', email: 'a@x.jp' }))).toEqual({
    marketing: { state: 'withdrawn', basis: 'opt-in' },
  });
});
