import { numberPattern, writtenNumber } from './written-number.js';

/** Text compared as a reader would: width, case and compatibility forms do not matter. Bounded, so that cost is. */
export const maxTextLength = 10_000;

export const foldText = (text: string): string => text.slice(0, maxTextLength).normalize('NFKC').toLowerCase();

/** At most `length` UTF-16 units, never half a character: the database takes no lone surrogate. */
export const cutText = (text: string, length: number): string =>
  text.length <= length ? text : text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');

export interface TextMatch {
  /** What `{number}` stood for, if the pattern names one. */
  number?: number;
}

/**
 * A pattern without back-tracking: pieces separated by `*` must occur in this order; `{number}` is a number of up to 12
 * digits and commas, or one in kanji. `{number}名*導入` finds 「３０名での導入」 and gives 30. Linear in the text's length.
 */
export function compileTextPattern(pattern: string): (foldedText: string) => TextMatch | undefined {
  const pieces = foldText(pattern)
    .split('*')
    .map((piece) => piece.trim())
    .filter((piece) => piece !== '');
  const searches = pieces.map((piece) => {
    const source = piece
      .split('{number}')
      .map((literal) => literal.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replace(/\s+/g, '\\s{1,8}'))
      .join(`${numberPattern}\\s{0,4}`);
    return new RegExp(source, 'g');
  });
  return (text) => {
    const result: TextMatch = {};
    let from = 0;
    for (const search of searches) {
      search.lastIndex = from;
      const found = search.exec(text);
      if (!found) return undefined;
      from = search.lastIndex;
      if (found[1] === undefined || result.number !== undefined) continue;
      const number = writtenNumber(found[1]);
      if (number !== undefined) result.number = number;
    }
    return result;
  };
}
