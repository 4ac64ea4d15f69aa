import { form, pageView, type Step } from '../traffic/journeys.js';
import type { Person } from '../traffic/people.js';

/** Whom the demo follows. The address is new in every run, so that every run has a lead nobody saw before. */
export const hero = (run: string): Person => ({
  familyName: '田中',
  givenName: '美咲',
  email: `tanaka.${run}@hokuto-sys.example`,
  company: '㈱北斗システムズ',
  employees: 310,
  industry: 'IT',
  department: 'マーケティング部',
  position: '部長',
  prefecture: '東京都',
  language: 'ja',
  phone: '03-5555-0142',
});

export interface Scene {
  told: string;
  steps: (at: number) => Step[];
}

/** The live part: browsing, a material request, comparing, and the request that meets the last condition. */
export function scenes(person: Person, browser: string): Scene[] {
  const campaign = { source: 'expo-tokyo', medium: 'offline', name: 'booth-qr' } as const;
  return [
    {
      told: 'Somebody scans the booth’s QR code and looks around; nobody knows who it is.',
      steps: (at) => [
        pageView(browser, at, '/', 'Home', campaign),
        pageView(browser, at + 1, '/products/flow', 'Flow'),
      ],
    },
    {
      told: `A form: ${person.familyName} ${person.givenName} of ${person.company} asks for the product brochure and agrees to mail.`,
      steps: (at) => [form(browser, at, 'Material Requested', person, { material: 'サービス紹介資料' })],
    },
    {
      told: 'Two more product pages, the prices, a customer’s story.',
      steps: (at) => [
        pageView(browser, at, '/products/insight', 'Insight'),
        pageView(browser, at + 1, '/products/connect', 'Connect'),
        pageView(browser, at + 2, '/pricing', '料金'),
        pageView(browser, at + 3, '/cases/aoba', '導入事例'),
      ],
    },
    {
      told: 'A demo request: "We plan to introduce it within three months, for 40 people."',
      steps: (at) => [
        form(browser, at, 'Demo Requested', person, {
          introductionBy: '3ヶ月以内',
          message: '40名での導入を検討中です。他社製品と比較しています。',
        }),
      ],
    },
  ];
}
