import { expect, test } from '@jest/globals';
import { readersOfStage } from './stage-readers.js';

test('a segment reads the stage directly, through others, at any depth and in any order of names', () => {
  const segments = {
    a: { all: [{ segment: 'b' }, { temperature: 'hot' as const }] },
    b: { not: { segment: 'c' } },
    c: { any: [{ score: { gte: 10 } }, { stage: 'customer' }] },
    d: { segment: 'e' },
    e: { score: { gte: 10 } },
  };
  expect([...readersOfStage(segments)].sort()).toEqual(['a', 'b', 'c']);
});

test('segments that read one another without the stage are none of them', () => {
  expect(readersOfStage({ a: { segment: 'b' }, b: { segment: 'a' } })).toEqual(new Set());
});
