import { z } from 'zod';
import { tenths, type Band } from '#libs/leads/domain';

const weight = z.number().min(0).max(100).multipleOf(0.001);
const threshold = z.number().min(-100_000).max(100_000).multipleOf(0.1);

/** How engagement and fit make the score, and which bands it falls into. */
export const scoreRule = z.strictObject({
  engagement: weight,
  fit: weight,
  minimum: threshold.optional(),
  bands: z
    .strictObject({ high: threshold, middle: threshold })
    .refine(({ high, middle }) => high > middle, 'high must be above middle'),
});
export type ScoreRule = z.infer<typeof scoreRule>;

/** Weights in thousandths, thresholds in tenths. */
export interface ScoreFormula {
  readonly engagement: number;
  readonly fit: number;
  readonly minimum: number;
  readonly bands: { high: number; middle: number };
}

export const compileScore = (rule: ScoreRule): ScoreFormula => ({
  engagement: Math.round(rule.engagement * 1000),
  fit: Math.round(rule.fit * 1000),
  minimum: rule.minimum === undefined ? -Infinity : tenths(rule.minimum),
  bands: { high: tenths(rule.bands.high), middle: tenths(rule.bands.middle) },
});

/** Size rounded half up, then signed. Exact: weights and tenths are integers far below 2⁵³ together. */
export function weighted(amount: number, thousandths: number): number {
  const product = Math.abs(amount) * thousandths;
  const rest = product % 1000;
  const size = (product - rest) / 1000 + (rest >= 500 ? 1 : 0);
  return amount < 0 && size !== 0 ? -size : size;
}

export function scoreOf(formula: ScoreFormula, engagement: number, fit: number): number {
  const sum = weighted(engagement, formula.engagement) + weighted(fit, formula.fit);
  return sum < formula.minimum ? formula.minimum : sum;
}

export const bandOf = (formula: ScoreFormula, score: number): Band =>
  score >= formula.bands.high ? 'high' : score >= formula.bands.middle ? 'middle' : 'low';
