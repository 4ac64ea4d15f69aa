import type { RulebookDocument } from '#libs/projection';
import { testRulebook } from './test-rulebook.js';

/** Two versions over the test signals that differ in everything a version may change, a signal included. */
const before = testRulebook({
  engagement: [
    { signal: 'viewed-product', points: 10.3, timesPerDay: 2, cap: 50, window: '30d', halfLife: '3d' },
    { signal: 'viewed-product', points: 4, count: 'distinct', expires: '9d' },
    { signal: 'visited', points: 1.5, window: '5d', group: 'small' },
    { signal: 'stayed', points: -3.1, halfLife: '2d', group: 'small' },
    { signal: 'opened-email', points: 12, halfLife: '4d', expires: '20d' },
    { signal: 'sent-form', points: 25, cap: 60, halfLife: '11d' },
  ],
  groups: { small: { cap: 4 } },
  fit: [
    { when: { attribute: 'position', in: ['manager', 'director'] }, points: 20 },
    { when: { consent: 'marketing' }, points: 5.5 },
    { when: { not: { attribute: 'company.name', exists: true } }, points: -3 },
  ],
  hot: {
    'score-of-40': { score: { gte: 40 } },
    'asked-for-seats': {
      all: [
        { signal: 'asked-for-seats', within: '12d' },
        { signal: 'viewed-product', distinct: { gte: 2 } },
      ],
    },
  },
  rearm: { not: { score: { gte: 30 } } },
  stages: [
    { name: 'visitor' },
    { name: 'lead', when: { signal: 'sent-form' } },
    { name: 'prospect', when: { all: [{ signal: 'viewed-product' }, { engagement: { gte: 30 } }] } },
  ],
});

const { 'viewed-product': _, ...others } = before.signals;
const after: RulebookDocument = {
  ...before,
  signals: { ...others, 'viewed-product': { event: 'page', where: { path: { startsWith: '/' } }, distinctBy: 'path' } },
  engagement: before.engagement.map((rule) =>
    rule.signal === 'viewed-product' ? { ...rule, points: rule.points * 2 } : rule,
  ),
  groups: { small: { cap: 2 } },
  score: { ...before.score, engagement: 0.75, fit: 1.25 },
};

export const pastRulebooks: readonly RulebookDocument[] = [before, after];
