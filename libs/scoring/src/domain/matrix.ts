import { z } from 'zod';
import {
  gradeOrder,
  levelWords,
  tenths,
  type CompiledCondition,
  type Condition,
  type ExplainedLine,
  type Grade,
  type Locale,
} from '#libs/leads/domain';

const warmth = z.enum(['cold', 'warm']);
const row = z.array(warmth).min(1).max(10);

/**
 * Grade × engagement, cell by cell: cold or warm. `engagement` are the borders between columns, in points, so that each row
 * has one cell more than there are borders. Along a row nobody cools by being more engaged.
 */
export const warmthMatrix = z
  .strictObject({
    engagement: z.array(z.number().min(-100_000).max(100_000).multipleOf(0.1)).max(9),
    A: row,
    B: row,
    C: row,
    D: row,
  })
  .superRefine((matrix, context) => {
    const report = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    const { engagement } = matrix;
    for (const [index, border] of engagement.entries())
      if (index > 0 && border <= engagement[index - 1]!) report(['engagement', index], 'must be above the one before');
    for (const grade of gradeOrder) {
      const cells = matrix[grade];
      if (cells.length !== engagement.length + 1)
        report([grade], `must have ${engagement.length + 1} cells: one more than there are borders`);
      const colder = cells.findIndex((cell, index) => cell === 'cold' && cells[index - 1] === 'warm');
      if (colder > 0) report([grade, colder], 'more engagement may not make a lead colder');
    }
    if (gradeOrder.every((grade) => !matrix[grade].includes('warm'))) report([], 'has no warm cell');
  });
export type WarmthMatrix = z.infer<typeof warmthMatrix>;

/** Where a lead stands in the matrix. */
export interface MatrixCell {
  grade: Grade;
  column: number;
  /** Borders of the column in points; null at either end. */
  from: number | null;
  below: number | null;
  warmth: 'cold' | 'warm';
}

export function cellOf(matrix: WarmthMatrix, grade: Grade, engagement: number): MatrixCell {
  const column = matrix.engagement.filter((border) => engagement >= tenths(border)).length;
  return {
    grade,
    column,
    from: matrix.engagement[column - 1] ?? null,
    below: matrix.engagement[column] ?? null,
    warmth: matrix[grade][column]!,
  };
}

/** From how many points a grade is warm: −∞ always, ∞ never. */
function warmFrom(matrix: WarmthMatrix, grade: Grade): number {
  const first = matrix[grade].indexOf('warm');
  return first < 0 ? Infinity : first === 0 ? -Infinity : matrix.engagement[first - 1]!;
}

/** Rows only rise, so each is one threshold, and the matrix a condition like any other: its flips are known ahead. */
export function compileMatrix(
  matrix: WarmthMatrix,
  compile: (condition: Condition) => CompiledCondition,
): CompiledCondition {
  const rows = gradeOrder.flatMap((grade): Condition[] => {
    const from = warmFrom(matrix, grade);
    if (from === Infinity) return [];
    return from === -Infinity ? [{ grade }] : [{ all: [{ grade }, { engagement: { gte: from } }] }];
  });
  const { evaluate, nextFlip, timeless, isUnknown, parts } = compile({ any: rows });
  return {
    evaluate,
    nextFlip,
    timeless,
    isUnknown,
    parts,
    describe: (locale) => describe(matrix, locale),
    explain: (facts, locale) => {
      const held = evaluate(facts);
      return { held, lines: [rowLine(matrix, facts.grade, facts.engagement, held, locale)] };
    },
  };
}

const rowWords = (grade: Grade, from: number, locale: Locale): string => {
  const ja = locale === 'ja';
  if (from === Infinity) return ja ? `ランク${grade}はウォームにならない` : `grade ${grade} never`;
  if (from === -Infinity) return ja ? `ランク${grade}は常にウォーム` : `grade ${grade} always`;
  return ja ? `ランク${grade}は行動スコア${from}点以上` : `grade ${grade} from ${from} points of engagement`;
};

const describe = (matrix: WarmthMatrix, locale: Locale): string =>
  gradeOrder.map((grade) => rowWords(grade, warmFrom(matrix, grade), locale)).join(locale === 'ja' ? '、' : ', ');

const rowLine = (
  matrix: WarmthMatrix,
  grade: Grade,
  engagement: number,
  held: boolean,
  locale: Locale,
): ExplainedLine => ({
  text: rowWords(grade, warmFrom(matrix, grade), locale),
  held,
  unknown: false,
  actual: String(engagement / 10),
});

/** 「属性ランクB × 行動スコア12.3点（10点以上30点未満）→ ウォーム」 */
export function cellWords({ grade, from, below, warmth }: MatrixCell, engagement: number, locale: Locale): string {
  const points = engagement / 10;
  if (locale === 'ja') {
    const borders = [from === null ? '' : `${from}点以上`, below === null ? '' : `${below}点未満`].join('');
    return `${levelWords('grade', 'ja')}${grade} × ${levelWords('engagement', 'ja')}${points}点${borders ? `（${borders}）` : ''} → ${levelWords(warmth, 'ja')}`;
  }
  const borders = [from === null ? '' : `from ${from}`, below === null ? '' : `below ${below}`].filter(Boolean);
  return `grade ${grade} × engagement ${points}${borders.length ? ` (${borders.join(', ')})` : ''} → ${warmth}`;
}
