import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { dayOf, makeZone } from '#libs/leads/domain';
import { advance, newRun, type LeadView, type Run } from './advance.js';
import { checkScenario, type Vocabulary } from './check-scenario.js';
import { parseScenario, type Scenario } from './scenario.js';

const calendar = { zone: makeZone('Asia/Tokyo'), holidays: new Set([dayOf(2026, 11, 3)]) };
const at = (text: string) => Date.parse(`2026-${text}:00+09:00`);
const reader: LeadView = {
  subjectKey: 'e:a@b.example',
  hot: false,
  address: true,
  suppressed: false,
  consentWithdrawn: false,
  olderRun: false,
  holds: () => false,
};

const followUp = parseScenario(`
name: follow-up
entry: { signal: requested-material }
goal: { signal: requested-demo }
exits: [{ hot: true }]
steps:
  thanks: { send: thanks }
  pause: { wait: { businessDays: 2, at: '10:00' } }
  cases: { send: cases }
`);

interface Moment {
  when: string;
  lead?: Partial<LeadView>;
  signal?: string;
  then: string[];
}
const stories: [string, Moment[]][] = [
  [
    'reads everything',
    [
      { when: '11-02T15:00', then: ['send thanks', 'schedule 2026-11-05T01:00:00.000Z'] },
      { when: '11-04T10:00', then: ['ignore waiting'] },
      { when: '11-05T10:00', then: ['send cases', 'complete end'] },
      { when: '11-06T10:00', then: ['ignore ended'] },
    ],
  ],
  [
    'asks for a demo while we wait',
    [
      { when: '11-02T15:00', then: ['send thanks', 'schedule 2026-11-05T01:00:00.000Z'] },
      { when: '11-03T09:00', signal: 'requested-demo', then: ['complete goal'] },
    ],
  ],
  [
    'becomes hot',
    [
      { when: '11-02T15:00', then: ['send thanks', 'schedule 2026-11-05T01:00:00.000Z'] },
      { when: '11-05T10:00', lead: { hot: true }, then: ['exit hot'] },
    ],
  ],
  [
    'unsubscribes',
    [
      { when: '11-02T15:00', then: ['send thanks', 'schedule 2026-11-05T01:00:00.000Z'] },
      { when: '11-02T16:00', lead: { suppressed: true }, then: ['exit suppressed'] },
    ],
  ],
  ['withdraws consent', [{ when: '11-02T15:00', lead: { consentWithdrawn: true }, then: ['exit consent-withdrawn'] }]],
  [
    'turns out to be somebody who entered before',
    [{ when: '11-02T15:00', lead: { olderRun: true }, then: ['exit merged'] }],
  ],
  [
    'has no address yet',
    [
      {
        when: '11-02T15:00',
        lead: { address: false },
        then: ['ignore no-address', 'schedule 2026-11-05T01:00:00.000Z'],
      },
    ],
  ],
];

describe('somebody who requested material', () => {
  test.each(stories)('%s', (_story, moments) => {
    let run: Run = newRun(followUp);
    for (const { when, lead, signal, then } of moments) {
      if (signal) run = { ...run, seen: [...run.seen, signal] };
      const result = advance(run, followUp, { ...reader, ...lead }, at(when), calendar);
      run = result.run;
      expect(
        result.effects.map(
          (e) =>
            `${e.kind} ${e.kind === 'send' ? e.template : e.kind === 'schedule' ? new Date(e.at).toISOString() : e.reason}`,
        ),
      ).toEqual(then);
    }
  });
});

const words: Vocabulary = {
  signals: new Set(['requested-material', 'requested-demo', 'opened-email']),
  segments: new Set(),
  templates: new Set(['thanks', 'cases']),
  mailSignals: new Set(['opened-email']),
  checkCondition: () => [],
};
const problems = (change: Partial<Scenario>) =>
  checkScenario({ ...followUp, ...change }, words).map((e) => `${e.path} ${e.code}`);

test('a scenario is refused for what it cannot do, with the place', () => {
  expect(problems({})).toEqual([]);
  expect(problems({ steps: { a: { send: 'nothing' } } })).toEqual(['steps.a.send unknown-template']);
  expect(problems({ entry: { signal: 'nothing' } })).toEqual(['entry.signal unknown-signal']);
  expect(problems({ steps: { a: { exit: 'done' }, b: { send: 'cases' } } })).toEqual(['steps.b unreachable-step']);
  expect(problems({ steps: { a: { send: 'thanks', next: 'a' } } })).toEqual(['steps.a cycle-without-wait']);
  for (const name of ['constructor', 'valueof', 'toString', '__proto__'])
    expect(problems({ steps: { a: { send: 'thanks', next: name } } })).toContain('steps.a.next unknown-step');
  expect(problems({ entry: { signal: 'opened-email' }, reentry: { afterDays: 1 } })).toEqual(['reentry feeds-itself']);
});

test('a scenario that passes the check always comes to rest', () => {
  const names = ['a', 'b', 'c', 'd'];
  const next = fc.constantFrom(...names);
  const step = fc.oneof(
    fc.record({ send: fc.constant('thanks'), next }),
    fc.record({ wait: fc.constant({ days: 1 }), next }),
    fc.constant({ exit: 'done' }),
    fc.record({ branch: fc.tuple(fc.record({ when: fc.constant({ band: 'high' } as never), next })), next }),
    fc.record({
      split: fc.tuple(fc.record({ weight: fc.constant(1), next }), fc.record({ weight: fc.constant(2), next })),
    }),
  );
  fc.assert(
    fc.property(fc.tuple(step, step, step, step), fc.boolean(), (steps, holds) => {
      const scenario = { ...followUp, steps: Object.fromEntries(steps.map((s, i) => [names[i]!, s])) } as Scenario;
      if (checkScenario(scenario, words).some((e) => e.code === 'cycle-without-wait')) return;
      const { run, effects } = advance(
        newRun(scenario),
        scenario,
        { ...reader, holds: () => holds },
        at('11-02T15:00'),
        calendar,
      );
      expect(effects.some((e) => e.kind === 'exit' && e.reason === 'scenario-broken')).toBe(false);
      expect(run.state !== 'active' || run.until !== undefined).toBe(true);
    }),
    { numRuns: 500 },
  );
});
