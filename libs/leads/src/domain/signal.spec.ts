import { expect, test } from '@jest/globals';
import type { LeadEvent } from './event.js';
import { attributesOf, foldEvent } from './fold.js';
import { makeZone } from './local-day.js';
import { compileSignal, indexSignals, signalDefinition, type SignalDefinition } from './signal.js';
import { emptyState } from './state.js';

const event = (partial: Partial<LeadEvent>): LeadEvent => ({
  id: '00000000-0000-5000-8000-000000000001',
  type: 'page',
  source: 'web',
  occurredAt: Date.UTC(2026, 5, 1),
  receivedAt: Date.UTC(2026, 5, 1),
  properties: {},
  ...partial,
});
const compile = (definition: unknown) => compileSignal('s', signalDefinition.parse(definition));
const zone = makeZone('Asia/Tokyo');

test('where reads properties, then the page of the context; all of its tests hold', () => {
  const signal = compile({ event: 'page', where: { path: { startsWith: '/products/' }, 'context.locale': 'ja-JP' } });
  expect(signal.matches(event({ properties: { path: '/products/a' }, context: { locale: 'ja-JP' } }))).toBe(true);
  expect(signal.matches(event({ context: { locale: 'ja-JP', page: { path: '/products/a' } } }))).toBe(true);
  expect(signal.matches(event({ context: { page: { path: '/products/a' } } }))).toBe(false);
  expect(signal.matches(event({ properties: { path: '/blog' }, context: { locale: 'ja-JP' } }))).toBe(false);
});

test.each<[unknown, Record<string, unknown>, boolean]>([
  [{ plan: ['pro', 'team'] }, { plan: 'team' }, true],
  [{ plan: { in: ['pro'] } }, { plan: 'team' }, false],
  [{ seconds: { gte: 30, lt: 60 } }, { seconds: 30 }, true],
  [{ seconds: { gte: 30, lt: 60 } }, { seconds: 60 }, false],
  [{ seconds: { gte: 30 } }, { seconds: '31' }, false],
  [{ file: { endsWith: ['.pdf', '.zip'] } }, { file: 'a.zip' }, true],
  [{ file: { exists: false } }, { file: '' }, true],
  [{ file: { exists: true } }, {}, false],
  [{ 'cart.total': { gt: 1 } }, { cart: { total: 2 } }, true],
  [{ constructor: { exists: true } }, {}, false],
  [{ message: { matches: '他社*比較' } }, { message: '他社製品と比較しています' }, true],
  [{ message: { matches: 'ﾃﾞﾓ' } }, { message: 'デモを見たい' }, true],
  [{ message: { matches: ['DEMO request'] } }, { message: 'a ｄｅｍｏ   Request' }, true],
  [{ message: { matches: '比較*他社' } }, { message: '他社製品と比較しています' }, false],
  [{ message: { matches: 'a.c' } }, { message: 'abc' }, false],
])('%j holds on %j: %s', (where, properties, holds) => {
  expect(
    compile({ event: 'track', name: 'X', where }).matches(
      event({ type: 'track', name: 'X', properties: properties as LeadEvent['properties'] }),
    ),
  ).toBe(holds);
});

test('a number in an inquiry is summed: 「◯名での導入を検討中です」', () => {
  const signal = compile({ event: 'form', where: { message: { matches: '{number}名*導入' } }, sum: 'message' });
  const form = (message: string): LeadEvent =>
    event({ type: 'track', links: true, name: 'Inquiry', properties: { message } });
  expect(signal.matches(form('１,２００名での導入を検討中です'))).toBe(true);
  expect(signal.sumOf(form('１,２００名での導入を検討中です'))).toBe(1200);
  expect(signal.matches(form('導入を検討中です'))).toBe(false);
  expect(signal.matches({ ...form('30名で導入'), links: false })).toBe(false);
});

test('a long text costs no more than its bound', () => {
  const signal = compile({ event: 'track', name: 'X', where: { message: { matches: '{number}名*a*b*導入' } } });
  const started = performance.now();
  signal.matches(event({ type: 'track', name: 'X', properties: { message: '1'.repeat(1_000_000) } }));
  signal.matches(event({ type: 'track', name: 'X', properties: { message: '1名a'.repeat(300_000) } }));
  expect(performance.now() - started).toBeLessThan(250);
});

test.each([
  [3.5, 4],
  [3.4999, 3],
  [-0.5, 0],
  [-7, 0],
  [2e9, 1e9],
  ['7', undefined],
  [null, undefined],
])('a sum of %p adds %p', (seconds, added) => {
  expect(compile({ event: 'track', sum: 'seconds' }).sumOf(event({ type: 'track', properties: { seconds } }))).toBe(
    added,
  );
});

test('a visit is the session id, else the local day', () => {
  const signal = compile({ event: 'page', distinctBy: 'visit' });
  const of = (partial: Partial<LeadEvent>): string | undefined => signal.distinctOf(event(partial), zone);
  expect(of({ context: { sessionId: 's1' } })).toBe(
    of({ properties: { sessionId: 's1' }, occurredAt: Date.UTC(2026, 6, 1) }),
  );
  expect(of({ occurredAt: Date.UTC(2026, 5, 1, 14) })).toBe(of({ occurredAt: Date.UTC(2026, 5, 1, 1) }));
  expect(of({ occurredAt: Date.UTC(2026, 5, 1, 15) })).not.toBe(of({ occurredAt: Date.UTC(2026, 5, 1, 14) }));
  expect(compile({ event: 'page', distinctBy: 'path' }).distinctOf(event({}), zone)).toBeUndefined();
});

test('S13: a value as deep as a record can hold is no distinct value and breaks nothing', () => {
  const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) as LeadEvent['properties'][string];
  const signal = compile({ event: 'page', where: { path: { exists: true } }, distinctBy: 'path', sum: 'path' });
  const page = event({ properties: { path: deep } });
  expect([signal.matches(page), signal.distinctOf(page, zone), signal.sumOf(page)]).toEqual([
    true,
    undefined,
    undefined,
  ]);
});

test('a definition keeps its hash under another name, order of members or order of event names', () => {
  const one = compileSignal('one', { event: 'track', name: ['A', 'B'], where: { x: { gte: 1, lt: 5 } } });
  const two = compileSignal('two', { where: { x: { lt: 5, gte: 1 } }, name: ['B', 'A'], event: 'track' });
  expect(one.hash).toBe(two.hash);
  expect(compileSignal('one', { event: 'track', name: 'A' }).hash).not.toBe(
    compileSignal('one', { event: 'track' }).hash,
  );
});

test.each<[unknown, string]>([
  [{ event: 'page', wehre: {} }, ''],
  [{ event: 'pages' }, 'event'],
  [{ event: 'page', where: { path: { startWith: '/' } } }, 'where.path'],
  [{ event: 'page', where: { path: {} } }, 'where.path'],
  [{ event: 'track', name: [] }, 'name'],
  [{ event: 'track', verdict: 'machine' }, 'verdict'],
])('%j is refused at %p', (definition, path) => {
  const result = signalDefinition.safeParse(definition);
  expect(result.success).toBe(false);
  expect(result.error!.issues.map((issue) => issue.path.join('.'))).toContain(path);
});

test('an index finds exactly the signals that match', () => {
  const definitions: SignalDefinition[] = [
    { event: 'page' },
    { event: 'track' },
    { event: 'track', name: 'A' },
    { event: 'track', name: ['A', 'B'] },
    { event: 'form', name: 'B' },
    { event: 'track', name: 'A', verdict: 'human' },
  ];
  const signals = definitions.map((definition, at) => compileSignal(`s${at}`, definition));
  const index = indexSignals([...signals, compileSignal('again', { event: 'page' })]);
  for (const one of [
    event({}),
    event({ type: 'track', name: 'A' }),
    event({ type: 'track', name: 'B', links: true }),
    event({ type: 'track', name: 'C' }),
    event({ type: 'group' }),
  ])
    expect(
      index
        .candidates(one)
        .filter((signal) => signal.matches(one, 'human'))
        .map(({ name }) => name)
        .sort(),
    ).toEqual(
      signals
        .filter((signal) => signal.matches(one, 'human'))
        .map(({ name }) => name)
        .sort(),
    );
});

test('a capture keeps the number as an attribute, the latest by its own time', () => {
  const headcount = compileSignal(
    'wrote-headcount',
    signalDefinition.parse({
      event: 'form',
      where: { message: { matches: ['{number}名*導入', '{number} seats'] } },
      capture: { attribute: 'plannedSeats', as: 'number' },
    }),
  );
  const context = { zone, signals: indexSignals([headcount]), verdictOf: () => undefined };
  const form = (id: string, occurredAt: number, message: string): LeadEvent =>
    event({ id, type: 'track', links: true, name: 'Inquiry', occurredAt, properties: { message } });
  const told = [
    form('1', 3, '５０名での導入を検討中です'),
    form('2', 1, 'for 20 seats'),
    form('3', 5, '他社製品と比較しています'),
    form('4', 4, '三十名での導入'),
  ];
  const state = emptyState();
  for (const one of told) foldEvent(state, one, context);
  expect(state.profile['plannedSeats']).toEqual({ value: 30, at: 4, event: '4' });
  expect(attributesOf(told[0]!, context)['plannedSeats']).toBe(50);
  const withoutLast = emptyState();
  for (const one of told.slice(0, 3)) foldEvent(withoutLast, one, context);
  expect(withoutLast.profile['plannedSeats']?.value).toBe(50);
});
