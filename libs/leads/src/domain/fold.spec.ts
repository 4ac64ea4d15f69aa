import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LeadEvent } from './event.js';
import { distinctLimit, foldEvent, mergeStates, type FoldContext } from './fold.js';
import { stateHash } from './canonical.js';
import { makeZone } from './local-day.js';
import { compileSignal, indexSignals, signalDefinition } from './signal.js';
import { emptyState, type LeadState } from './state.js';

const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2_147_483_647);
const numRuns = Number(process.env['FC_RUNS'] ?? 200);
const viewed = compileSignal('viewed', signalDefinition.parse({ event: 'page', distinctBy: 'path' }));
const stayed = compileSignal('stayed', signalDefinition.parse({ event: 'track', sum: 'seconds' }));
const context: FoldContext = {
  zone: makeZone('Asia/Tokyo'),
  signals: indexSignals([viewed, stayed]),
  verdictOf: () => undefined,
};

const noon = Date.UTC(2026, 5, 1, 3);
const event = (partial: Partial<LeadEvent>): LeadEvent => ({
  id: 'x',
  type: 'page',
  source: 'web',
  occurredAt: noon,
  receivedAt: noon,
  properties: {},
  ...partial,
});

function fold(events: readonly LeadEvent[]): LeadState {
  const state = emptyState();
  for (const one of events) foldEvent(state, one, context);
  return state;
}
const hash = (state: LeadState): string => stateHash(['a:b'], state);

const someEvents = fc
  .array(
    fc.record({
      type: fc.constantFrom('page' as const, 'track' as const, 'identify' as const),
      page: fc.integer({ min: 0, max: 150 }),
      seconds: fc.oneof(fc.double(), fc.integer({ min: -10, max: 3e9 })),
      hours: fc.integer({ min: -40, max: 40 }),
      company: fc.constantFrom('A', 'B', 'C'),
    }),
    { maxLength: 200 },
  )
  .map((drafts) =>
    drafts.map(({ type, page, seconds, hours, company }, at) =>
      event({
        id: String((at * 7919) % 1009).padStart(4, '0'),
        type,
        occurredAt: noon + hours * 3_600_000,
        properties: type === 'page' ? { path: `/${page}` } : { seconds },
        ...(type === 'identify' ? { traits: { company } } : {}),
        context: { campaign: { source: company } },
      }),
    ),
  );

test('I8: any split of the events, folded apart and merged in any order, is the fold of them all', () => {
  fc.assert(
    fc.property(
      someEvents,
      fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 200, maxLength: 200 }),
      (events, parts) => {
        const [a, b, c] = [0, 1, 2].map((part) => fold(events.filter((_, at) => parts[at] === part))) as [
          LeadState,
          LeadState,
          LeadState,
        ];
        const whole = hash(fold(events));
        expect(hash(fold([...events].reverse()))).toBe(whole);
        expect(hash(mergeStates(mergeStates(a, b), c))).toBe(whole);
        expect(hash(mergeStates(c, mergeStates(b, a)))).toBe(whole);
      },
    ),
    { seed, numRuns },
  );
});

test('I16: merging leaves its arguments alone', () => {
  const a = fold([event({ properties: { path: '/a' } })]);
  const b = fold([event({ id: 'y', properties: { path: '/b' } })]);
  const before = [hash(a), hash(b)];
  const merged = mergeStates(a, b);
  foldEvent(merged, event({ id: 'z', properties: { path: '/c' }, occurredAt: noon + 1 }), context);
  expect([hash(a), hash(b)]).toEqual(before);
});

test('a counter tells up to k distinct values apart and keeps the smallest hashes', () => {
  const pages = Array.from({ length: 100 }, (_, at) => event({ id: String(at), properties: { path: `/${at}` } }));
  const counter = Object.values(
    fold([...pages, ...pages.map((page) => ({ ...page, id: `again-${page.id}` }))]).counters[viewed.hash]!,
  )[0]!;
  expect(counter.count).toBe(200);
  expect(counter.distinct).toEqual(
    pages
      .map((page) => viewed.distinctOf(page, context.zone)!)
      .sort()
      .slice(0, distinctLimit),
  );
});

test('a sum is clamped per event, never in total', () => {
  const state = fold([
    event({ id: '1', type: 'track', properties: { seconds: 5e9 } }),
    event({ id: '2', type: 'track', properties: { seconds: 7.5 } }),
    event({ id: '3', type: 'track', properties: { seconds: -3 } }),
  ]);
  expect(Object.values(state.counters[stayed.hash]!)[0]).toMatchObject({ count: 3, sum: 1_000_000_008 });
});

test('the state hash covers what was folded, the keys and the look, and nothing else', () => {
  const state = fold([event({})]);
  const reordered: LeadState = {
    lastAt: state.lastAt!,
    firstAt: state.firstAt!,
    counters: state.counters,
    consent: {},
    profile: {},
  };
  expect(stateHash(['a:b', 'e:c'], reordered, { score: 1 })).toBe(stateHash(['e:c', 'a:b'], state, { score: 1 }));
  expect(stateHash(['a:b'], state, { score: 1 })).not.toBe(stateHash(['a:b'], state, { score: 2 }));
  expect(stateHash(['a:b'], state)).not.toBe(stateHash(['a:c'], state));
  expect(hash(state)).not.toBe(hash(fold([event({ occurredAt: noon + 1 })])));
});
