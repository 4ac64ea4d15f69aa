import { parse } from 'yaml';
import { z } from 'zod';
import { conditionDefinition, type Condition } from '#libs/leads/domain';
import { DomainError, type FieldError } from '#libs/platform/domain';

const name = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'lower-case letters, digits and hyphens');
const stepName = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'lower-case letters, digits and hyphens');
const amount = z.number().int().min(1).max(400);
const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'HH:MM');
const condition = conditionDefinition;

/** Exactly one length; `at` moves the end on to that time of the local day. */
const wait = z
  .strictObject({ minutes: amount.max(10_000), hours: amount, days: amount, businessDays: amount, at: clockTime })
  .partial()
  .refine(
    (w) => [w.minutes, w.hours, w.days, w.businessDays].filter((n) => n !== undefined).length === 1,
    'exactly one of minutes, hours, days, businessDays',
  );

const step = z.union([
  z.strictObject({ send: name, next: stepName.optional() }),
  z.strictObject({ wait, next: stepName.optional() }),
  z.strictObject({
    branch: z
      .array(z.strictObject({ when: condition, next: stepName }))
      .min(1)
      .max(20),
    next: stepName.optional(),
  }),
  z.strictObject({
    split: z
      .array(z.strictObject({ weight: z.number().int().min(1).max(1_000), next: stepName }))
      .min(2)
      .max(10),
  }),
  z.strictObject({ exit: name }),
]);

const watched = z.union([z.strictObject({ signal: name }), z.strictObject({ when: condition })]);

export const scenarioSchema = z.strictObject({
  name,
  description: z
    .strictObject({ ja: z.string().max(400), en: z.string().max(400) })
    .partial()
    .optional(),
  entry: z.union([
    z.strictObject({ signal: name, when: condition.optional() }),
    z.strictObject({ segment: name, when: condition.optional() }),
  ]),
  goal: watched.optional(),
  exits: z
    .array(z.union([watched, z.strictObject({ hot: z.literal(true) })]))
    .max(20)
    .default([]),
  reentry: z.union([z.literal('never'), z.strictObject({ afterDays: amount })]).default('never'),
  steps: z
    .record(stepName, step)
    .refine((s) => Object.keys(s).length > 0 && Object.keys(s).length <= 100, '1 to 100 steps'),
});

export type Scenario = z.infer<typeof scenarioSchema>;
export type Step = z.infer<typeof step>;
export type Wait = z.infer<typeof wait>;
export type { Condition };

export const firstStep = (scenario: Scenario): string => Object.keys(scenario.steps)[0]!;

/** Where a step leads without further ado: `next`, else the step written below it; undefined at the end. */
export function following(scenario: Scenario, stepName: string): string | undefined {
  const step = scenario.steps[stepName];
  if (!step || 'exit' in step || 'split' in step) return undefined;
  const names = Object.keys(scenario.steps);
  return step.next ?? names[names.indexOf(stepName) + 1];
}

/** Every signal a scenario's runs are woken by, besides its entry. */
export const awaitedSignals = (scenario: Scenario): string[] =>
  [scenario.goal, ...scenario.exits].flatMap((w) => (w && 'signal' in w ? [w.signal] : []));

/** The leaves of the conditions that its exits and goal watch: one of these flips whenever one of those does. */
export function awaitedConditions(scenario: Scenario): Condition[] {
  const watched = [scenario.goal, ...scenario.exits].flatMap((one) => (one && 'when' in one ? [one.when] : []));
  return watched.flatMap(leavesOf);
}

function leavesOf(node: Condition): Condition[] {
  if ('all' in node) return node.all.flatMap(leavesOf);
  if ('any' in node) return node.any.flatMap(leavesOf);
  return 'not' in node ? leavesOf(node.not) : [node];
}

/** The greatest size of a condition that can be listened for, as JSON. */
export const longestAwaited = 2_000;

/** YAML or JSON; refuses with every problem and its path. */
export function parseScenario(input: unknown): Scenario {
  let document = input;
  if (typeof input === 'string') {
    try {
      document = parse(input, { maxAliasCount: 20 });
    } catch (error) {
      throw refused([{ path: '', code: 'not-yaml', message: (error as Error).message }]);
    }
  }
  const parsed = scenarioSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw refused(parsed.error.issues.flatMap((issue) => errorsOf(issue, [])));
}

/** Of the alternatives of a union the one that got furthest says what is wrong. */
function errorsOf(issue: z.core.$ZodIssue, above: PropertyKey[]): FieldError[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'invalid_union' && issue.errors.length) {
    const weight = (issues: z.core.$ZodIssue[]) =>
      Math.max(...issues.map((i) => i.path.length * 10 - (i.code === 'unrecognized_keys' ? 5 : 0))) - issues.length;
    const best = [...issue.errors].sort((a, b) => weight(b) - weight(a))[0]!;
    return best.flatMap((inner) => errorsOf(inner, path));
  }
  return [{ path: path.join('.'), code: issue.code.replaceAll('_', '-'), message: issue.message }];
}

export const refused = (errors: FieldError[]): DomainError =>
  new DomainError('scenario-invalid', `The scenario has ${errors.length} problem(s).`, {
    status: 422,
    path: errors[0]?.path,
    errors,
  });
