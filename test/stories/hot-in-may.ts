import { tokyo, type Deed } from './telling.js';

/** One chapter: when, what is done, and what Leadfold says afterwards. A marketer can check it with pen and paper. */
export interface Chapter {
  on: string;
  told: string;
  does: Deed[];
  says: {
    score: number;
    /** The lines that sum to it: engagement rule by rule, then what fit adds. */
    why: Record<string, number>;
    temperature: string;
    stage: string;
    /** How often sales was to hear of her, and whether the next time would be told. */
    epoch: number;
    armed: boolean;
    /** Alerts that sales has received so far. */
    alerts: number;
    /** Told from the day she is hot. */
    hotUntil?: string;
  };
}

const browser = { anonymousId: 'browser-of-sato' };
export const sato = 'e:sato@aoba-mfg.example';
const page = (path: string): Deed => ({ type: 'page', ...browser, name: path, properties: { path } });
const form = (name: string, fields: Deed['properties']): Deed => ({
  type: 'track',
  name,
  ...browser,
  email: 'sato@aoba-mfg.example',
  links: true,
  properties: { ...fields!, consent: true },
});

export const chapters: Chapter[] = [
  {
    on: '2026-03-10 14:00',
    told: 'Somebody nobody knows looks at the home page and at one product.',
    does: [page('/'), page('/products/flow')],
    says: {
      score: 4,
      why: { 'Viewed a page': 2, 'Viewed a product page': 2 },
      ...{ temperature: 'cold', stage: 'visitor', epoch: 0, armed: true, alerts: 0 },
    },
  },
  {
    on: '2026-03-24 09:30',
    told: 'Two weeks later the same browser opens another product and the prices. What the pages of 10 March were worth has halved.',
    does: [page('/products/insight'), page('/pricing')],
    says: {
      score: 11.4,
      why: { 'Viewed a page': 3, 'Viewed a product page': 3.4, 'Viewed the pricing page': 5 },
      ...{ temperature: 'cold', stage: 'visitor', epoch: 0, armed: true, alerts: 0 },
    },
  },
  {
    on: '2026-04-08 11:00',
    told: 'She signs up for the newsletter and says who she is: Sato, manager at a manufacturer of 480 people. March counts as hers.',
    does: [
      form('Newsletter Signed Up', {
        lastName: '佐藤',
        firstName: '花子',
        company: '株式会社アオバ製造',
        employees: 480,
        position: '課長',
        industry: '製造',
        phone: '03-1234-5678',
      }),
    ],
    says: {
      score: 37.8,
      why: {
        'Viewed a page': 1.4,
        'Viewed a product page': 2.4,
        'Viewed the pricing page': 3.5,
        'Signed up for the newsletter': 3,
        Fit: 27.5,
      },
      ...{ temperature: 'warm', stage: 'lead', epoch: 0, armed: true, alerts: 0 },
    },
  },
  {
    on: '2026-05-12 10:00',
    told: 'She reads two cases, the comparison and the prices, requests the material, and plans to introduce by 10 August: all five conditions hold.',
    does: [
      page('/cases/kumo'),
      page('/cases/hoshi'),
      page('/compare'),
      page('/pricing'),
      form('Material Requested', { material: 'guide', introductionBy: '2026-08-10' }),
    ],
    says: {
      score: 65.9,
      why: {
        'Viewed a page': 3.2,
        'Viewed a product page': 1.1,
        'Viewed the pricing page': 6.6,
        'Viewed the feature comparison': 4,
        'Read a case study': 6,
        'Signed up for the newsletter': 3,
        'Requested material': 12,
        Fit: 30,
      },
      ...{ temperature: 'hot', stage: 'prospect', epoch: 1, armed: false, alerts: 1, hotUntil: '2026-05-27 00:00' },
    },
  },
  {
    on: '2026-05-26 23:59',
    told: 'The last minute of the fourteenth day after the request: still hot.',
    does: [],
    says: {
      score: 57.5,
      why: {
        'Viewed a page': 1.5,
        'Viewed a product page': 0.8,
        'Viewed the pricing page': 4.8,
        'Viewed the feature comparison': 2.9,
        'Read a case study': 4.3,
        'Signed up for the newsletter': 3,
        'Requested material': 10.2,
        Fit: 30,
      },
      ...{ temperature: 'hot', stage: 'prospect', epoch: 1, armed: false, alerts: 1, hotUntil: '2026-05-27 00:00' },
    },
  },
  {
    on: '2026-05-27 00:00',
    told: 'The first minute of the day that was told: she cools. Her score still stands above 50, so that hot again now would alert nobody.',
    does: [],
    says: {
      score: 57,
      why: {
        'Viewed a page': 1.4,
        'Viewed a product page': 0.8,
        'Viewed the pricing page': 4.7,
        'Viewed the feature comparison': 2.8,
        'Read a case study': 4.2,
        'Signed up for the newsletter': 3,
        'Requested material': 10.1,
        Fit: 30,
      },
      ...{ temperature: 'warm', stage: 'prospect', epoch: 1, armed: false, alerts: 1 },
    },
  },
  {
    on: '2026-06-14 09:00',
    told: 'Her score has faded below 50 by itself: she is armed again, and nobody was disturbed.',
    does: [],
    says: {
      score: 49.9,
      why: {
        'Viewed a page': 0.6,
        'Viewed a product page': 0.3,
        'Viewed the pricing page': 3.1,
        'Viewed the feature comparison': 1.9,
        'Read a case study': 2.8,
        'Signed up for the newsletter': 3,
        'Requested material': 8.2,
        Fit: 30,
      },
      ...{ temperature: 'warm', stage: 'prospect', epoch: 1, armed: true, alerts: 1 },
    },
  },
  {
    on: '2026-06-16 16:20',
    told: 'She requests the checklist: all five hold again, and sales hears of her a second time.',
    does: [form('Material Requested', { material: 'checklist' })],
    says: {
      score: 61.2,
      why: {
        'Viewed a page': 0.5,
        'Viewed a product page': 0.3,
        'Viewed the pricing page': 2.9,
        'Viewed the feature comparison': 1.8,
        'Read a case study': 2.7,
        'Signed up for the newsletter': 3,
        'Requested material': 20,
        Fit: 30,
      },
      ...{ temperature: 'hot', stage: 'prospect', epoch: 2, armed: false, alerts: 2, hotUntil: '2026-07-01 00:00' },
    },
  },
];

/** What was decided on the way, in order: what, whereto, on which day, why, and whether anybody was to hear of it. */
export const decided = [
  ['stage', 'lead', '2026-04-08', 'event', 'loud'],
  ['segment', 'manufacturing', '2026-04-08', 'event', 'loud'],
  ['hot', 'hot', '2026-05-12', 'event', 'loud'],
  ['stage', 'prospect', '2026-05-12', 'event', 'loud'],
  ['rearm', 'armed', '2026-06-14', 'time', 'quiet'],
  ['hot', 'hot', '2026-06-16', 'event', 'loud'],
];

export const endOfStory = tokyo('2026-06-30 12:00');
