import type { Step } from '../traffic/journeys.js';

/** The exhibition: 40 business cards, 8 of them worth an opportunity, 2 of these deals. One story for demo and test. */
export interface Card {
  email: string;
  familyName: string;
  givenName: string;
  company: string;
  employees: number;
  position: string;
  /** What the visitor said at the booth; many say nothing. */
  budget?: string;
}

const familyNames = ['佐藤', '鈴木', '高橋', '田中', '伊藤', '渡辺', '山本', '中村', '小林', '加藤'];
const givenNames = ['健', '美咲', '翔太', '陽子'];
const companies = [
  '青葉製作所',
  '北斗システムズ',
  '若葉商事',
  '港南物流',
  '白樺食品',
  '千歳電機',
  '桜丘印刷',
  '瑞穂建設',
];
/** Every fourth visitor decides; the others use, compare or were sent along. */
const positions = ['部長', '担当', '主任', '係長'];
/** Two who decide have no budget, and seven who have one do not decide: neither answer alone makes an opportunity. */
const withBudget = new Set([0, 4, 8, 16, 20, 24, 32, 36, 3, 5, 11, 22, 27, 30, 38]);

export const cards: readonly Card[] = Array.from({ length: 40 }, (_, index): Card => {
  return {
    email: `card${String(index + 1).padStart(2, '0')}@expo-${index % companies.length}.example`,
    familyName: familyNames[index % familyNames.length]!,
    givenName: givenNames[index % givenNames.length]!,
    company: `株式会社${companies[index % companies.length]}`,
    employees: 30 + ((index * 37) % 400),
    position: positions[index % positions.length]!,
    ...(withBudget.has(index) ? { budget: `${(1 + (index % 5)) * 100}万円` } : {}),
  };
});

/** The judgement as a condition of the rulebook, so that it is a live segment: we know who decides, and money is there. */
export const worthAnOpportunity = {
  all: [
    { attribute: 'position', in: ['manager', 'director', 'executive'] },
    { attribute: 'budget', exists: true },
  ],
};

/** The same, read off a lead as the api shows it. */
export const isWorthAnOpportunity = (profile: Record<string, { value: unknown } | undefined>): boolean =>
  ['manager', 'director', 'executive'].includes(String(profile['position']?.value)) &&
  Boolean(profile['budget']?.value);

/** Which of the opportunities were won; what became of the others stays open. */
export const deals: readonly string[] = [cards[8]!.email, cards[24]!.email];

export const told = { leads: 40, opportunities: 8, deals: 2 };

/** What the source calls a form: a card names its person. */
export const cardEvent = 'Business Card Received';

/** Addresses that nobody had before, so that the story can be told again on the same system. */
export const addressIn = (run: string, email: string): string => email.replace('@', run === '' ? '@' : `.${run}@`);

/** As a card reader sends them, one a minute, each with the time at which it was handed over. */
export const exhibition = (openedAt: number, run = ''): Step[] =>
  cards.map(({ email, familyName, givenName, ...card }, index) => ({
    at: openedAt + index * 60_000,
    call: 'track',
    anonymousId: `expo-reader-${run}${index}`,
    name: cardEvent,
    properties: {
      ...card,
      email: addressIn(run, email),
      lastName: familyName,
      firstName: givenName,
      leadSource: '展示会',
    },
    context: { campaign: { source: 'expo-tokyo', medium: 'offline', name: 'booth' } },
  }));
