import fs from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { emptyState, freshMemory, makeZone, type Json, type LeadState } from '#libs/leads/domain';
import { compileRulebook, decide, look, parseRulebook, validateRulebook } from './index.js';

const text = fs.readFileSync(new URL('../../../../rulebooks/default.yaml', import.meta.url), 'utf8');
const parsed = parseRulebook(text);
if (parsed.errors) throw new Error(JSON.stringify(parsed.errors, null, 1));
const zone = makeZone('Asia/Tokyo');
const rulebook = compileRulebook(parsed.document, 1, zone);
const now = Date.UTC(2026, 4, 20, 3);
const today = zone.localDay(now);

const knows = (state: LeadState, attribute: string, value: Json) =>
  (state.profile[attribute] = { value, at: now - 1000, event: 'e' });
const did = (state: LeadState, signal: string, daysAgo: number, distinct?: string[]) => {
  const days = (state.counters[rulebook.signalNames.get(signal)!.hash] ??= {});
  days[today - daysAgo] = { count: distinct?.length ?? 1, first: now, last: now, ...(distinct ? { distinct } : {}) };
};

const five: Record<string, (state: LeadState) => void> = {
  material: (state) => did(state, 'requested-material', 14),
  products: (state) => did(state, 'viewed-product', 40, ['aa', 'bb']),
  size: (state) => void knows(state, 'company.employees', 100),
  position: (state) => void knows(state, 'position', 'manager'),
  introduction: (state) => void knows(state, 'introductionBy', '2026-08-20'),
};
const lookAt = (parts: string[], at = now) => {
  const state = emptyState();
  for (const part of parts) five[part]!(state);
  return look(state, rulebook, freshMemory(), at);
};

describe('the shipped rulebook', () => {
  test('is hot exactly when all five conditions hold', () => {
    expect(lookAt(Object.keys(five))).toMatchObject({ temperature: 'hot', hotRules: ['five-conditions'] });
    for (const missing of Object.keys(five))
      expect([missing, lookAt(Object.keys(five).filter((part) => part !== missing)).hotRules]).toEqual([missing, []]);
  });

  test('knows the day on which the five conditions end: the material request turns 15 days old tomorrow', () => {
    const seen = lookAt(Object.keys(five));
    expect(seen.nextChangeAt).toBe(zone.dayStart(today + 1));
    expect(lookAt(Object.keys(five), seen.nextChangeAt).temperature).not.toBe('hot');
  });

  test('crosses once, is silent while disarmed, and again after it was armed', () => {
    const hot = lookAt(Object.keys(five));
    const first = decide(freshMemory(), hot, { cause: 'event', quiet: false, now });
    expect(first.decisions.filter((decision) => decision.decision === 'hot')).toMatchObject([
      { epoch: 1, rules: ['five-conditions'], quiet: false },
    ]);
    expect(decide(first.memory, hot, { cause: 'event', quiet: false, now }).decisions).toEqual([]);
    const warm = { ...hot, temperature: 'warm' as const, rearm: false, hotRules: [] };
    const disarmed = decide(first.memory, warm, { cause: 'time', quiet: true, now }).memory;
    expect(decide(disarmed, hot, { cause: 'event', quiet: false, now }).decisions).toEqual([]);
    const armed = decide(disarmed, { ...warm, rearm: true }, { cause: 'time', quiet: true, now });
    expect(armed.decisions).toMatchObject([{ decision: 'rearm', epoch: 1 }]);
    expect(decide(armed.memory, hot, { cause: 'event', quiet: false, now }).decisions).toMatchObject([
      { decision: 'hot', epoch: 2 },
    ]);
  });
});

describe('errors name their path', () => {
  const change = (edit: (document: Record<string, never>) => void) => {
    const copy = structuredClone(parsed.document) as never;
    edit(copy);
    return validateRulebook(copy).errors?.map((error) => `${error.path} ${error.code}`);
  };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- these documents are wrong on purpose
  test.each<[string, (d: any) => void, string]>([
    [
      'a window that is none',
      (d) => (d.hot['five-conditions'].all[0].within = '14 days'),
      'hot.five-conditions.all.0.within invalid-format',
    ],
    [
      'an unknown key deep inside',
      (d) => (d.hot['five-conditions'].all[1].wihtin = '14d'),
      'hot.five-conditions.all.1.wihtin unknown-key',
    ],
    ['an unknown key at the top', (d) => (d.signal = {}), 'signal unknown-key'],
    ['an unknown signal', (d) => (d.engagement[0].signal = 'nothing'), 'engagement.0.signal unknown-signal'],
    ['a missing part', (d) => delete d.grades, 'grades missing'],
    ['a hot rule that reads the stage', (d) => (d.hot.x = { stage: 'lead' }), 'hot.x.stage reads-stage'],
    [
      'a hot rule that reads the stage through a segment',
      (d) => ((d.segments.s = { stage: 'lead' }), (d.hot.x = { segment: 's' })),
      'hot.x.segment reads-stage',
    ],
    [
      'segments in a circle',
      (d) => ((d.segments.a = { segment: 'b' }), (d.segments.b = { segment: 'a' })),
      'segments.a.segment cycle',
    ],
    ['fit that reads behaviour', (d) => (d.fit[0].when = { signal: 'inquiry' }), 'fit.0.when fit-reads-attributes'],
    ['no condition at all', (d) => ((d.warm = { foo: 1 }), delete d.matrix), 'warm custom'],
    ['a matrix beside a condition for warm', (d) => (d.warm = { band: 'middle' }), 'matrix warm-twice'],
    ['neither of both', (d) => delete d.matrix, 'warm missing'],
    ['a row that cools', (d) => (d.matrix.A = ['warm', 'cold', 'warm', 'warm']), 'matrix.A.1 custom'],
  ])('%s', (_, edit, expected) => {
    expect(change(edit)).toContain(expected);
  });
});

test.each(['a: ' + '['.repeat(100_000), '{a: '.repeat(50_000)])(
  'S13: a document that is all brackets is refused before it is read',
  (text) => {
    expect(parseRulebook(text)).toEqual({
      errors: [{ path: '', code: 'too-deep', message: 'is nested more than 60 levels deep' }],
    });
  },
);
