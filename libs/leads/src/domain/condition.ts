import { z } from 'zod';
import { answerGrades } from './qualification.js';
import { accountCondition } from './condition-account-definition.js';
import {
  comparison,
  dateWindow,
  dayWindow,
  name,
  oneOrAtLeast,
  points,
  temperatures,
  whole,
} from './condition-parts.js';

const scalar = z.union([z.string().max(2000), z.number(), z.boolean()]);
const texts = z.union([z.string().min(1).max(500), z.array(z.string().min(1).max(500)).min(1).max(100)]);

/** A counter keeps the 64 smallest hashes, so a greater number of different values cannot be told. */
const distinct = comparison(z.number().int().min(0).max(64)).refine(
  (tests) => (tests.eq ?? 0) < 64 && (tests.gt ?? 0) < 64 && (tests.lte ?? 0) < 64,
  'counts up to 64 different values: gte and lt up to 64, eq, gt and lte below 64',
);
const age = z
  .strictObject({ within: dayWindow.optional(), olderThan: dayWindow.optional() })
  .refine((tests) => tests.within !== undefined || tests.olderThan !== undefined, 'names neither within nor olderThan');

const attributeCondition = z.strictObject({
  attribute: name,
  equals: scalar.optional(),
  in: z.array(scalar).min(1).max(1000).optional(),
  gte: z.number().optional(),
  gt: z.number().optional(),
  lte: z.number().optional(),
  lt: z.number().optional(),
  contains: texts.optional(),
  matches: texts.optional(),
  exists: z.boolean().optional(),
  /** A date from today up to this long from now. */
  within: dateWindow.optional(),
});

const signalCondition = z.strictObject({
  signal: name,
  within: dayWindow.optional(),
  count: whole.optional(),
  distinct: distinct.optional(),
  sum: whole.optional(),
  first: age.optional(),
  last: age.optional(),
});

/** `bant` or `bant.budget`: all questions of a framework, or one. Without a test: answered. */
const qualificationCondition = z.strictObject({
  qualification: z
    .string()
    .regex(/^[a-z][A-Za-z0-9-]{0,39}(\.[a-z][A-Za-z0-9-]{0,39})?$/, 'must be a framework, or framework.question'),
  answered: z.boolean().optional(),
  /** Nobody answered, or the answer speaks against the deal. */
  gap: z.boolean().optional(),
  /** Of a framework: how many questions are answered. */
  answers: whole.optional(),
  /** Of a question: how promising the answer is. */
  graded: z.union([z.enum(answerGrades), z.strictObject({ atLeast: z.enum(answerGrades) })]).optional(),
  equals: scalar.optional(),
  in: z.array(scalar).min(1).max(1000).optional(),
  gte: z.number().optional(),
  gt: z.number().optional(),
  lte: z.number().optional(),
  lt: z.number().optional(),
  contains: texts.optional(),
  matches: texts.optional(),
});

const grades = z.enum(['A', 'B', 'C', 'D']);
const bands = z.enum(['high', 'middle', 'low']);

export type Grade = z.infer<typeof grades>;
export type Band = z.infer<typeof bands>;
export type Temperature = z.infer<typeof temperatures>;
/** Best first. */
export const gradeOrder: readonly Grade[] = grades.options;
export const bandOrder: readonly Band[] = bands.options;
export const temperatureOrder: readonly Temperature[] = temperatures.options;

const kinds = {
  attribute: attributeCondition,
  signal: signalCondition,
  qualification: qualificationCondition,
  score: z.strictObject({ score: points }),
  engagement: z.strictObject({ engagement: points }),
  fit: z.strictObject({ fit: points }),
  grade: z.strictObject({ grade: oneOrAtLeast(grades) }),
  band: z.strictObject({ band: oneOrAtLeast(bands) }),
  temperature: z.strictObject({ temperature: oneOrAtLeast(temperatures) }),
  stage: z.strictObject({ stage: oneOrAtLeast(name) }),
  segment: z.strictObject({ segment: name }),
  account: accountCondition,
  consent: z.strictObject({ consent: name, state: z.enum(['granted', 'withdrawn']).optional() }),
};

export type AttributeCondition = z.infer<typeof attributeCondition>;
export type QualificationCondition = z.infer<typeof qualificationCondition>;
export type SignalCondition = z.infer<typeof signalCondition>;
export type Comparison = z.infer<typeof whole>;
export type Condition =
  | { all: Condition[] }
  | { any: Condition[] }
  | { not: Condition }
  | { [K in keyof typeof kinds]: z.infer<(typeof kinds)[K]> }[keyof typeof kinds];

/** The typed tree that hot rules, stages, segments, scenario entry, branches and goals are written in. */
export const conditionDefinition: z.ZodType<Condition> = z.lazy(() => tree).meta({ id: 'Condition' });

const branches = {
  all: z.strictObject({ all: z.array(conditionDefinition).min(1).max(100) }),
  any: z.strictObject({ any: z.array(conditionDefinition).min(1).max(100) }),
  not: z.strictObject({ not: conditionDefinition }),
};
const everyKind: Record<string, z.ZodType> = { ...branches, ...kinds };
const kindNames = Object.keys(everyKind);
const members = z.union(Object.values(everyKind) as [z.ZodType<Condition>, z.ZodType<Condition>]);

/** Names the one kind that is meant, so that an error names the field and not eleven failed alternatives. */
const tree = z
  .any()
  .superRefine((value: unknown, context) => {
    const keys = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
    const kind = kindNames.find((name) => keys.includes(name));
    if (kind === undefined) {
      context.addIssue({ code: 'custom', message: `is no condition: it must have one of ${kindNames.join(', ')}` });
      return;
    }
    const parsed = everyKind[kind]!.safeParse(value);
    if (!parsed.success) for (const issue of parsed.error.issues) context.addIssue({ ...issue } as never);
    else if (kind === 'attribute' && keys.length === 1)
      context.addIssue({
        code: 'custom',
        message: 'names no test: equals, in, gte, gt, lte, lt, contains, matches, exists or within',
      });
  })
  .transform((value) => value as Condition) as unknown as z.ZodType<Condition>;

/** What the published JSON schema says of a condition. */
export const conditionJsonSchema = members;
