import { z } from 'zod';
import {
  conditionDefinition,
  gradeOrder,
  never,
  tenths,
  type CompiledCondition,
  type Facts,
  type Grade,
  type LocalDay,
} from '#libs/leads/domain';

export const fitRule = z.strictObject({
  when: conditionDefinition,
  points: z.number().min(-10_000).max(10_000).multipleOf(0.1),
  /** Shown in explanations instead of the condition's own words. */
  label: z.string().min(1).max(100).optional(),
});
export type FitRule = z.infer<typeof fitRule>;

const threshold = z.number().min(-100_000).max(100_000).multipleOf(0.1);
/** Points from which a grade is given; below C is D. */
export const gradeThresholds = z
  .strictObject({ A: threshold, B: threshold, C: threshold })
  .refine(({ A, B, C }) => A > B && B > C, 'must fall from A to C');
export type GradeThresholds = z.infer<typeof gradeThresholds>;

export interface Fit {
  readonly rules: readonly { rule: FitRule; when: CompiledCondition; points: number }[];
  readonly grades: GradeThresholds;
}

export function compileFit(
  rules: readonly FitRule[],
  grades: GradeThresholds,
  compile: (rule: FitRule) => CompiledCondition,
): Fit {
  return {
    rules: rules.map((rule) => ({ rule, when: compile(rule), points: tenths(rule.points) })),
    grades: { A: tenths(grades.A), B: tenths(grades.B), C: tenths(grades.C) },
  };
}

/** In tenths. */
export function fitOf(fit: Fit, facts: Facts): number {
  let total = 0;
  for (const { when, points } of fit.rules) if (when.evaluate(facts)) total += points;
  return total;
}

/** The first day on which fit may change: attributes only change by dates coming near. */
export function fitFlip(fit: Fit, facts: Facts): LocalDay {
  let flip = never;
  for (const { when } of fit.rules) if (!when.timeless) flip = Math.min(flip, when.nextFlip(facts));
  return flip;
}

export const gradeOf = (fit: Fit, tenthsOfFit: number): Grade =>
  gradeOrder.find((grade) => grade !== 'D' && tenthsOfFit >= fit.grades[grade]) ?? 'D';
