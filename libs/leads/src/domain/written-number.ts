const digits: Record<string, number> = { 〇: 0, 零: 0, 一: 1, 二: 2, 三: 3, 四: 4, 五: 5, 六: 6, 七: 7, 八: 8, 九: 9 };
const small: Record<string, number> = { 十: 10, 百: 100, 千: 1000 };
const great: Record<string, number> = { 万: 10_000, 億: 100_000_000 };

/**
 * Source of one group that finds a number in folded text: at most 12 digits and commas, then perhaps 千 or 万; or kanji.
 * 「何十名」 and the end of a longer number are none.
 */
export const numberPattern =
  '(?<!\\d[.,]?|[何数幾〇零一二三四五六七八九十百千万億])(\\d[\\d,]{0,11}[百千万億]{0,2}|[〇零一二三四五六七八九十百千万億]{1,16})';

/** 30, 1,200, 三十, 二〇, 1万, 3千, 二万五千 as a number; undefined where the kanji say none. */
export function writtenNumber(text: string): number | undefined {
  let total = 0;
  let below = 0;
  let digit: number | undefined;
  for (const [piece] of text.replaceAll(',', '').matchAll(/\d+|[^\d]/g)) {
    const value = /^\d/.test(piece) ? Number(piece) : digits[piece];
    if (value !== undefined) digit = (digit ?? 0) * (digits[piece] === undefined ? 1 : 10) + value;
    else if (small[piece] !== undefined) {
      below += (digit ?? 1) * small[piece];
      digit = undefined;
    } else if (great[piece] !== undefined) {
      if (digit === undefined && below === 0) return undefined;
      total += (below + (digit ?? 0)) * great[piece];
      below = 0;
      digit = undefined;
    } else return undefined;
  }
  return total + below + (digit ?? 0);
}
