import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileTextPattern, foldText } from './text.js';
import { writtenNumber } from './written-number.js';

const kanji = '〇一二三四五六七八九';

function inKanji(value: number): string {
  const below = (rest: number): string =>
    (
      [
        [1000, '千'],
        [100, '百'],
        [10, '十'],
      ] as const
    )
      .map(([unit, name]) => {
        const times = Math.floor(rest / unit) % 10;
        return times === 0 ? '' : `${times === 1 ? '' : kanji[times]}${name}`;
      })
      .join('') + (rest % 10 === 0 ? '' : kanji[rest % 10]!);
  const high = Math.floor(value / 10_000);
  return `${high > 0 ? `${below(high)}万` : ''}${below(value % 10_000)}`;
}

test('every number up to 99,999,999 reads the same in kanji as in digits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 99_999_999 }), (value) => {
      expect([inKanji(value), writtenNumber(inKanji(value))]).toEqual([inKanji(value), value]);
      expect(writtenNumber(value.toLocaleString('en'))).toBe(value);
    }),
    { seed: 20261121, numRuns: 5000 },
  );
});

test.each<[string, number | undefined]>([
  ['３０名での導入を検討中です', 30],
  ['1,200名での導入', 1200],
  ['三十名での導入を検討中です', 30],
  ['二〇名で導入', 20],
  ['百二十名での導入', 120],
  ['1万名で導入', 10_000],
  ['3千名で導入', 3000],
  ['30〜50名で導入', 50],
  ['㉚名で導入', 30],
  ['何十名かで導入', undefined],
  ['数百名で導入', undefined],
  ['万名で導入', undefined],
  ['名で導入', undefined],
])('%s says %s', (text, number) => {
  expect(compileTextPattern('{number}名*導入')(foldText(text))?.number).toBe(number);
});
