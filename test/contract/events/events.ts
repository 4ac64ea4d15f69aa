import type { EventType, LeadEvent } from '#libs/leads/domain';

/** One event of every type that travels on the log. A new type needs a line here; an old golden is never changed. */
const at = Date.UTC(2026, 5, 1, 3, 4, 5, 678);
let count = 0;
const event = (type: EventType, partial: Partial<LeadEvent>): LeadEvent => {
  count += 1;
  return { id: `00000000-0000-5000-8000-${String(count).padStart(12, '0')}`, type, source: 'web-jp', occurredAt: at, receivedAt: at + 250, properties: {}, ...partial };
};
const judged = '00000000-0000-5000-8000-000000000099';

export const examples: Record<Exclude<EventType, 'decision'>, LeadEvent> = {
  page: event('page', {
    anonymousId: 'browser-1',
    name: '料金',
    properties: { path: '/pricing', title: '料金 – 株式会社サンプル' },
    context: { page: { url: 'https://www.example.jp/pricing', referrer: 'https://search.example/' }, campaign: { source: 'news', name: 'spring' }, locale: 'ja-JP' },
  }),
  screen: event('screen', { anonymousId: 'phone-1', name: 'Home', properties: {} }),
  track: event('track', { userId: 'main:42', anonymousId: 'browser-1', name: 'Material Requested', properties: { file: 'guide.pdf', seconds: 12.5, tags: ['a', null, true] } }),
  group: event('group', { userId: 'main:42', groupId: 'acme', traits: { name: '株式会社ミライ', employees: '100-299' } }),
  identify: event('identify', { anonymousId: 'browser-1', userId: 'main:42', email: 'yamada@example.jp', links: true, traits: { lastName: '山田', firstName: '太郎', position: '部長' } }),
  alias: event('alias', { userId: 'main:42', otherKey: 'a:browser-1', links: true }),
  merge: event('merge', { source: 'api', email: 'yamada@example.jp', otherKey: 'u:main:42', properties: { reason: 'the same person on the phone', actor: 'op@example.jp' } }),
  apart: event('apart', { source: 'api', email: 'yamada@example.jp', otherKey: 'u:main:43', properties: { reason: 'a shared mailbox', actor: 'op@example.jp' } }),
  consent: event('consent', { source: 'api', email: 'yamada@example.jp', name: 'granted', properties: { purpose: 'marketing', basis: 'business-card', wording: '2026-04' } }),
  suppression: event('suppression', { source: 'worker', email: 'yamada@example.jp', name: 'bounce', properties: {} }),
  outcome: event('outcome', { source: 'api', userId: 'main:42', name: 'opportunity', properties: { likelihood: 60, nextActionDate: '2026-06-10', value: 1_200_000, actor: 'sales@example.jp' } }),
  delivery: event('delivery', { source: 'worker', email: 'yamada@example.jp', name: 'sent', properties: { deliveryId: '5f0c2f9e-3a57-5d0b-9a63-0c7f2a1b8d11', purpose: 'nurture', channel: 'email', scenario: 'material-follow-up', step: 'thanks' } }),
  verdict: event('verdict', { source: 'worker', name: 'human', refersTo: judged, properties: { rule: 1 } }),
  unmerge: event('unmerge', { source: 'api', refersTo: judged, properties: { reason: 'a shared mailbox', actor: 'op@example.jp' } }),
  retraction: event('retraction', { source: 'api', name: 'withdrawn', refersTo: judged, properties: { actor: 'op@example.jp', reason: 'test data' } }),
  account: event('account', { source: 'api', email: 'yamada@example.jp', name: 'assigned', properties: { account: 'd:example.co.jp', reason: 'works for the parent company', actor: 'op@example.jp' } }),
  approval: event('approval', { source: 'api', userId: 'main:42', name: 'approved', properties: { stage: 'opportunity', reason: 'budget confirmed by phone', actor: 'marketing@example.jp' } }),
  qualification: event('qualification', { source: 'api', userId: 'main:42', name: 'answered', properties: { framework: 'bant', question: 'budget', level: 'opportunity', answer: 5_000_000, grade: 'good', note: 'asked on the phone', actor: 'sales@example.jp' } }),
};
