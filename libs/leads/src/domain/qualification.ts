import { z } from 'zod';
import type { Json, LeadEvent } from './event.js';
import type { LeadState, Stamped } from './state.js';
import { cutText } from './text.js';

export const qualificationLevels = ['organisation', 'opportunity', 'stakeholder'] as const;
export type QualificationLevel = (typeof qualificationLevels)[number];
/** How promising an answer is. Best first. */
export const answerGrades = ['good', 'fair', 'poor'] as const;
export type AnswerGrade = (typeof answerGrades)[number];

const name = z.string().regex(/^[a-z][A-Za-z0-9-]{0,39}$/, 'must be letters, digits and hyphens, such as budget');
const label = z.strictObject({ ja: z.string().min(1).max(200), en: z.string().min(1).max(200) });

/** A set of questions about a lead; a list, because their order is kept. */
export const frameworkDefinition = z.strictObject({
  name,
  label: label.optional(),
  questions: z
    .array(z.strictObject({ name, label: label.optional(), level: z.enum(qualificationLevels) }))
    .min(1)
    .max(50),
});
export type Framework = z.infer<typeof frameworkDefinition>;
export type Question = Framework['questions'][number];

/** What is known of one question; the latest answer wins, and an empty one makes it a gap again. */
export interface Answer {
  answer: string | number | boolean;
  grade?: AnswerGrade;
  level: QualificationLevel;
}

export const qualificationPrefix = 'qualification.';
const pattern = /^[a-z][A-Za-z0-9-]{0,39}$/;
const maxAnswerLength = 200;

const isName = (value: Json | undefined): value is string => typeof value === 'string' && pattern.test(value);

/** What an answered question leaves in the profile. */
export function qualificationOf({ name: verb, properties }: LeadEvent): Record<string, Json> {
  const { framework, question, answer, grade, level } = properties;
  if (verb !== 'answered' || !isName(framework) || !isName(question)) return {};
  const value = tidyAnswer(answer);
  const known = (list: readonly string[], said: Json | undefined) => typeof said === 'string' && list.includes(said);
  return {
    [`${qualificationPrefix}${framework}.${question}`]:
      value === null
        ? null
        : {
            answer: value,
            ...(known(answerGrades, grade) ? { grade: grade! } : {}),
            level: known(qualificationLevels, level) ? level! : 'opportunity',
          },
  };
}

function tidyAnswer(answer: Json | undefined): string | number | boolean | null {
  if (typeof answer === 'boolean' || (typeof answer === 'number' && Number.isFinite(answer))) return answer;
  if (typeof answer !== 'string') return null;
  const text = cutText(answer.normalize('NFKC').replace(/\s+/g, ' ').trim(), maxAnswerLength);
  return text === '' ? null : text;
}

export const stampedAnswer = (state: LeadState, framework: string, question: string): Stamped<Answer> | undefined =>
  answerReader(framework, question)(state);

/** Made once for a condition: putting the attribute's name together costs more than looking it up. */
export function answerReader(framework: string, question: string): (state: LeadState) => Stamped<Answer> | undefined {
  const attribute = `${qualificationPrefix}${framework}.${question}`;
  return ({ profile }) => {
    const stamped = profile[attribute];
    return stamped?.value ? (stamped as unknown as Stamped<Answer>) : undefined;
  };
}

/** A question nobody answered, or whose answer speaks against the deal. */
export const isGap = (answer: Answer | undefined): boolean => answer === undefined || answer.grade === 'poor';
