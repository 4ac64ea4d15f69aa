import { z } from 'zod';
import { after } from '../http/after.js';
import { pageOf, pageQuery } from '../http/paging.js';

export const identityQuery = z.object({ after });
export const identityListQuery = z.object({ after, ...pageQuery });
export type IdentityListQuery = z.infer<typeof identityListQuery>;

const stated = {
  event: z.uuid().describe('The event that states it'),
  type: z.string(),
  source: z.string(),
  actor: z.string().nullable().describe('The operator, where one stated it'),
  reason: z.string().nullable(),
  at: z.iso.datetime(),
  keys: z.tuple([z.string(), z.string()]),
};

const identityLink = z
  .object({
    ...stated,
    name: z.string().nullable(),
    knownAt: z.iso.datetime().describe('When it was stored'),
    state: z.enum(['active', 'skipped', 'withdrawn']),
    because: z
      .enum(['key-limit', 'browser-limit', 'apart', 'unmerged', 'withdrawn', 'not-human'])
      .nullable()
      .describe('Why it does not hold'),
    judgedBy: z
      .object({
        event: z.uuid(),
        at: z.iso.datetime(),
        actor: z.string().nullable(),
        reason: z.string().nullable(),
      })
      .nullable()
      .describe('The judgement that withdrew it'),
  })
  .meta({ id: 'IdentityLink' });

export const identityGraph = z
  .object({
    lead: z.number(),
    keys: z.array(z.string()),
    mixed: z.boolean().describe('A browser that several people use: its events are theirs'),
    links: z.array(identityLink).describe('What was ever said about these keys, in force or not, newest first'),
    aparts: z.array(identityLink).describe('Keys that an operator holds apart, or held'),
    browsers: z.array(
      z.object({
        anonymousId: z.string(),
        intervals: z
          .array(
            z.object({
              from: z.iso.datetime().nullable(),
              until: z.iso.datetime().nullable(),
              key: z.string().nullable(),
              lead: z.number().nullable(),
            }),
          )
          .describe(
            'Who owns its anonymous events, from when to when; null where nobody was ever identified, or too many people were',
          ),
      }),
    ),
    truncated: z.boolean().describe('There is more than is shown here: 500 of each'),
  })
  .meta({ id: 'IdentityGraph' });

export const apartPage = pageOf(z.object(stated).meta({ id: 'ApartPair' })).meta({ id: 'ApartPage' });
export const skippedLinkPage = pageOf(
  z.object({ ...stated, because: z.enum(['key-limit', 'browser-limit', 'apart']) }).meta({ id: 'SkippedLink' }),
).meta({ id: 'SkippedLinkPage' });

const previewedLead = z
  .object({
    lead: z.number(),
    keys: z.array(z.string()),
    visitor: z.boolean(),
    events: z.number().describe('Stored facts that are this lead’s'),
    score: z.number().nullable().describe('Points; null with the rest where the refold is too long for a preview'),
    temperature: z.enum(['hot', 'warm', 'cold']).nullable(),
    stage: z.string().nullable(),
    grade: z.string().nullable(),
    segments: z.array(z.string()).nullable(),
  })
  .meta({ id: 'PreviewedLead' });

export const identityPreview = z
  .object({
    before: z.array(previewedLead).describe('Leads that would change, as they are'),
    after: z.array(previewedLead).describe('Leads as they would be'),
    eventsMoved: z.number().describe('Facts that would go to another lead'),
    refold: z.object({
      leads: z.number(),
      events: z.number().describe('Facts that would be folded anew'),
      inBackground: z.boolean().describe('Too many for one batch: done behind it'),
    }),
    runsThatExit: z.array(
      z.object({ run: z.uuid(), scenario: z.string(), lead: z.number(), reason: z.literal('merged') }),
    ),
  })
  .meta({ id: 'IdentityPreview' });
