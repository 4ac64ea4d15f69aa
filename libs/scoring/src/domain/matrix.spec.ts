import { expect, test } from '@jest/globals';
import { cellOf, cellWords, warmthMatrix } from './matrix.js';

const matrix = warmthMatrix.parse({
  engagement: [10, 30],
  A: ['cold', 'warm', 'warm'],
  B: ['cold', 'cold', 'warm'],
  C: ['cold', 'cold', 'warm'],
  D: ['cold', 'cold', 'cold'],
});

test.each([
  ['A', 99, 0, null, 10, 'cold'],
  ['A', 100, 1, 10, 30, 'warm'],
  ['B', 299, 1, 10, 30, 'cold'],
  ['B', 300, 2, 30, null, 'warm'],
  ['D', 9_000, 2, 30, null, 'cold'],
] as const)('grade %s with %d tenths stands in column %d', (grade, engagement, column, from, below, warmth) => {
  expect(cellOf(matrix, grade, engagement)).toEqual({ grade, column, from, below, warmth });
});

test('the cell reads as a sentence in both languages', () => {
  const cell = cellOf(matrix, 'A', 123);
  expect(cellWords(cell, 123, 'ja')).toBe('属性ランクA × 行動スコア12.3点（10点以上30点未満） → ウォーム');
  expect(cellWords(cell, 123, 'en')).toBe('grade A × engagement 12.3 (from 10, below 30) → warm');
});

test.each([
  [{ engagement: [30, 10] }, 'engagement.1'],
  [{ B: ['cold', 'warm'] }, 'B'],
  [{ A: ['warm', 'cold', 'warm'] }, 'A.1'],
  [{ E: ['cold', 'cold', 'cold'] }, ''],
  [{ A: ['cold', 'cold', 'cold'], B: ['cold', 'cold', 'cold'], C: ['cold', 'cold', 'cold'] }, ''],
  [{ C: ['cold', 'cold', 'hot'] }, 'C.2'],
])('%j is refused at %s', (change, path) => {
  const { error } = warmthMatrix.safeParse({ ...matrix, ...change });
  expect(error!.issues.map((issue) => issue.path.join('.'))).toContain(path);
});
