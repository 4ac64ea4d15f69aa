import { z } from 'zod';
import { qualificationSchema } from '#libs/handoff/domain';
import { after } from '../http/after.js';

export const qualificationQuery = z.object({
  after,
  locale: z.enum(['ja', 'en']).default('en').describe('Language of the texts'),
});
export type QualificationQuery = z.infer<typeof qualificationQuery>;

export const qualificationBody = qualificationSchema.meta({ id: 'QualificationAnswers' });
export type QualificationBody = z.infer<typeof qualificationBody>;

export const missingField = z.object({ attribute: z.string(), label: z.string() }).meta({ id: 'MissingField' });

export const qualification = z
  .object({
    lead: z.number(),
    channel: z.object({ name: z.string(), label: z.string() }).nullable().describe('How the lead came in'),
    missing: z.array(missingField).describe('What a lead of this channel needs and nobody knows'),
    frameworks: z
      .array(
        z.object({
          name: z.string(),
          label: z.string(),
          recommended: z.boolean().describe('For leads of this channel'),
          answered: z.number(),
          gaps: z.number().describe('Questions without an answer, or with one that speaks against the deal'),
          questions: z.array(
            z.object({
              name: z.string(),
              label: z.string(),
              level: z.enum(['organisation', 'opportunity', 'stakeholder']),
              answer: z.union([z.string(), z.number(), z.boolean()]).nullable(),
              grade: z.enum(['good', 'fair', 'poor']).nullable(),
              gap: z.boolean(),
              answeredAt: z.iso.datetime().nullable(),
              event: z.uuid().nullable().describe('What a retraction names'),
            }),
          ),
        }),
      )
      .describe('Those of the channel first'),
  })
  .meta({ id: 'Qualification' });

export const statedAnswers = z
  .object({ eventIds: z.array(z.uuid()).describe('Wait for the last with ?after=<eventId>') })
  .meta({ id: 'StatedAnswers' });
