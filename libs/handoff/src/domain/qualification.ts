import { z } from 'zod';
import { answerGrades, qualificationLevels } from '#libs/leads/domain';

const name = z.string().regex(/^[a-z][A-Za-z0-9-]{0,39}$/, 'must be letters, digits and hyphens');

/** Answers to one framework's questions; `null` takes an answer back, the question is open again. */
export const qualificationSchema = z.strictObject({
  framework: name,
  answers: z
    .array(
      z.strictObject({
        question: name,
        answer: z.union([z.string().trim().min(1).max(200), z.number().min(-1e15).max(1e15), z.boolean(), z.null()]),
        grade: z.enum(answerGrades).optional().describe('How promising it is'),
        level: z.enum(qualificationLevels).optional().describe('Default: the question’s own'),
        note: z.string().trim().max(2_000).optional(),
      }),
    )
    .min(1)
    .max(50),
});
export type QualificationInput = z.infer<typeof qualificationSchema>;
