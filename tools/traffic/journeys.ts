import type { Json } from '#libs/leads/domain';
import { makePerson, type Person } from './people.js';
import { Random } from './random.js';

/** One call of the SDK, at its original time. */
export interface Step {
  at: number;
  call: 'page' | 'track' | 'identify';
  anonymousId: string;
  userId?: string;
  name?: string;
  properties?: Record<string, Json>;
  traits?: Record<string, Json>;
  context: Record<string, Json>;
}

export interface Visitor {
  anonymousId: string;
  /** Absent while nobody knows who it is. */
  person?: Person;
  steps: Step[];
}

const minute = 60_000;
const day = 86_400_000;
export const site = 'https://www.kazahaya.example';

const sources = [
  [{ source: 'google', medium: 'cpc', name: 'brand-autumn' }, 20],
  [{ source: 'google', medium: 'organic' }, 30],
  [{ source: 'newsletter', medium: 'email', name: '2026-11' }, 15],
  [{ source: 'linkedin', medium: 'social' }, 10],
  [{ source: 'expo-tokyo', medium: 'offline', name: 'booth-qr' }, 8],
  [null, 17],
] as const;

const pages = [
  ['/', 'Home', 26],
  ['/products/flow', 'Flow', 14],
  ['/products/insight', 'Insight', 12],
  ['/products/connect', 'Connect', 8],
  ['/pricing', '料金', 9],
  ['/compare', '機能比較', 6],
  ['/cases/aoba', '導入事例', 8],
  ['/blog/lead-scoring', 'Blog', 17],
  ['/careers', '採用情報', 3],
] as const;

const materials = ['サービス紹介資料', '導入事例集', '料金表', 'White paper: lead scoring'] as const;

export interface TrafficOptions {
  seed: number;
  visitors: number;
  /** How far back the first visits lie. */
  weeks: number;
  /** The latest moment any step may have, ms. */
  until: number;
}

/** The site's visitors with all they did, sorted by time within each. Same options, same visitors. */
export function planTraffic(options: TrafficOptions): Visitor[] {
  const random = new Random(options.seed);
  return Array.from({ length: options.visitors }, (_, serial) => planVisitor(random, serial, options));
}

function planVisitor(random: Random, serial: number, options: TrafficOptions): Visitor {
  const anonymousId = random.id('browser');
  const campaign = random.weighted(sources.map(([campaign, weight]) => [campaign, weight] as const));
  const person = random.chance(0.45) ? makePerson(random, serial) : undefined;
  const visits = random.between(1, person ? 6 : 3);
  const steps: Step[] = [];
  const start = options.until - random.between(1, options.weeks * 7) * day;
  // weeks apart at first, days apart later: interest that grows comes back sooner
  let at = start;
  for (let visit = 0; visit < visits && at < options.until - 30 * minute; visit++) {
    steps.push(...planVisit(random, anonymousId, at, visit === 0 ? campaign : null));
    const lastAt = steps.at(-1)!.at;
    if (person && visit === Math.min(1, visits - 1))
      steps.push(...planForm(random, anonymousId, person, lastAt + minute));
    if (person && visit > 1 && random.chance(0.5))
      steps.push(...planNewsletter(random, anonymousId, person, at - 20 * minute));
    at +=
      random.between(1, Math.max(2, Math.floor((options.weeks * 7) / visits))) * day + random.between(0, 300) * minute;
  }
  return { anonymousId, ...(person ? { person } : {}), steps: steps.filter((step) => step.at <= options.until) };
}

type Campaign = (typeof sources)[number][0];

function planVisit(random: Random, anonymousId: string, start: number, campaign: Campaign): Step[] {
  let at = start;
  return Array.from({ length: random.between(1, 6) }, (_, index) => {
    const [path, title] = random.weighted(pages.map((page) => [page, page[2]] as const));
    at += random.between(15, 240) * 1000;
    return pageView(anonymousId, at, path, title, index === 0 ? campaign : null);
  });
}

export function pageView(
  anonymousId: string,
  at: number,
  path: string,
  title: string,
  campaign: Campaign = null,
): Step {
  const url = `${site}${path}`;
  return {
    at,
    call: 'page',
    anonymousId,
    name: title,
    properties: { url, path, title, referrer: campaign ? `https://${campaign.source}.example/` : '' },
    context: { page: { url, path, title }, ...(campaign ? { campaign: { ...campaign } } : {}), locale: 'ja-JP' },
  };
}

/** The form that makes a visitor a lead: material, sometimes a demo or a newsletter. */
function planForm(random: Random, anonymousId: string, person: Person, at: number): Step[] {
  const name = random.weighted([
    ['Material Requested', 60],
    ['Newsletter Signed Up', 20],
    ['Webinar Registered', 12],
    ['Demo Requested', 5],
    ['Contact Requested', 3],
  ] as const);
  return [
    form(anonymousId, at, name, person, name === 'Material Requested' ? { material: random.pick(materials) } : {}),
  ];
}

/** The sites' own newsletter tool tells of opens, and sometimes of the click that brought somebody back. */
function planNewsletter(random: Random, anonymousId: string, person: Person, at: number): Step[] {
  const deliveryId = random.id('newsletter');
  const step = (name: string, later: number, properties: Record<string, Json>): Step => ({
    at: at + later,
    call: 'track',
    anonymousId,
    name,
    properties: {
      deliveryId,
      subject: person.language === 'ja' ? '月刊カザハヤ通信' : 'Kazahaya monthly',
      ...properties,
    },
    context: {},
  });
  const opened = step('Email Opened', 0, {});
  return random.chance(0.4) ? [opened, step('Email Clicked', 40_000, { url: `${site}/products/flow` })] : [opened];
}

/** A submitted form with the minimum fields, consent and the wording that was shown. */
export function form(
  anonymousId: string,
  at: number,
  name: string,
  person: Person,
  extra: Record<string, Json> = {},
): Step {
  return {
    at,
    call: 'track',
    anonymousId,
    name,
    properties: {
      lastName: person.familyName,
      firstName: person.givenName,
      email: person.email,
      phone: person.phone,
      company: person.company,
      employees: person.employees,
      industry: person.industry,
      department: person.department,
      position: person.position,
      location: person.prefecture,
      consent: { marketing: true, basis: 'opt-in', wording: 'privacy-2026-04' },
      ...extra,
    },
    context: {
      page: { url: `${site}/forms/${encodeURIComponent(name)}`, path: `/forms/${name}` },
      locale: person.language === 'ja' ? 'ja-JP' : 'en-US',
    },
  };
}
