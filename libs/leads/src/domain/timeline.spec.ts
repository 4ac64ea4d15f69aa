import { expect, test } from '@jest/globals';
import { eventTypes, type EventType, type LeadEvent } from './event.js';
import { describeEvent } from './timeline.js';

const event = (partial: Partial<LeadEvent>): LeadEvent => ({
  id: 'x',
  type: 'page',
  source: 'web',
  occurredAt: 0,
  receivedAt: 0,
  properties: {},
  ...partial,
});

test.each<[Partial<LeadEvent>, string, string]>([
  [{ type: 'page', properties: { path: '/pricing', title: '料金' } }, 'ページを閲覧：料金', 'Viewed a page: 料金'],
  [{ type: 'page', context: { page: { path: '/pricing' } } }, 'ページを閲覧：/pricing', 'Viewed a page: /pricing'],
  [
    { type: 'track', name: 'Email Clicked', properties: { url: 'https://x.jp/' } },
    'メールのリンクをクリック：https://x.jp/',
    'Clicked in an email: https://x.jp/',
  ],
  [{ type: 'track', name: 'Inquiry', links: true }, 'フォームを送信：Inquiry', 'Submitted a form: Inquiry'],
  [{ type: 'track', name: 'constructor' }, 'constructor', 'constructor'],
  [{ type: 'outcome', name: 'lost', properties: { reason: '予算' } }, '失注：予算', 'Lost: 予算'],
  [{ type: 'consent', name: 'granted' }, '配信に同意（marketing）', 'Consented (marketing)'],
])('%j reads 「%s」, "%s"', (partial, ja, en) => {
  expect(describeEvent(event(partial), 'ja')).toBe(ja);
  expect(describeEvent(event(partial), 'en')).toBe(en);
});

test('S13: every type has a line, bounded whatever its fields hold', () => {
  const long = 'x'.repeat(10_000);
  const properties = {
    title: long,
    url: long,
    reason: long,
    channel: long,
    scenario: long,
    purpose: long,
    decision: long,
    name: long,
    to: long,
  };
  for (const type of Object.keys(eventTypes) as EventType[])
    for (const language of ['ja', 'en'] as const) {
      const line = describeEvent(event({ type, name: long, properties, traits: { name: long } }), language);
      expect(line).not.toBe('');
      expect(line.length).toBeLessThan(500);
    }
});

test('S6: a line stays one line and reads from left to right, whatever a page calls itself', () => {
  for (const language of ['ja', 'en'] as const) {
    const line = describeEvent(
      event({ type: 'page', properties: { title: 'Prices\r\nBcc: x@y.example\u2028\u202egnp.exe\u0085\u0007' } }),
      language,
    );
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/u);
    expect(line).toContain('Prices Bcc: x@y.example gnp.exe');
  }
});
