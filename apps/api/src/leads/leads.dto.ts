import { z } from 'zod';
import { after } from '../http/after.js';
import { pageOf, pageQuery } from '../http/paging.js';

/** Scores are shown in points with one decimal; inside they are integers in tenths. */
const points = z.number().describe('Points, one decimal');

export const leadRef = z
  .string()
  .max(520)
  .regex(/^(\d{1,15}|e:\S+@\S+|u:[^:\s]+:.+|a:.+)$/, 'must be a lead id, e:<address>, u:<id space>:<userId> or a:<anonymousId>')
  .describe('Lead id, or one of the lead’s keys');

export const leadsQuery = z.object({
  temperature: z.enum(['hot', 'warm', 'cold']).optional(),
  stage: z.string().max(100).optional(),
  q: z.string().trim().min(1).max(200).optional().describe('Part of a name, company or address'),
  visitors: z.stringbool().default(false).describe('Show visitors (known by a browser id only) too'),
  after,
  ...pageQuery,
});
export type LeadsQuery = z.infer<typeof leadsQuery>;

const standing = {
  score: points,
  engagement: points,
  fit: points,
  grade: z.string().nullable(),
  band: z.enum(['high', 'middle', 'low']),
  temperature: z.enum(['hot', 'warm', 'cold']),
  stage: z.string().nullable(),
};

export const leadRow = z
  .object({
    id: z.number(),
    displayName: z.string().nullable(),
    company: z.string().nullable(),
    email: z.string().nullable(),
    visitor: z.boolean(),
    ...standing,
    lastAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'LeadRow' });
export const leadPage = pageOf(leadRow).meta({ id: 'LeadPage' });

export const leadDetail = z
  .object({
    id: z.number(),
    keys: z.array(z.string()),
    visitor: z.boolean(),
    displayName: z.string().nullable(),
    company: z.string().nullable(),
    email: z.string().nullable(),
    profile: z.record(z.string(), z.object({ value: z.unknown(), at: z.iso.datetime(), event: z.uuid() })),
    consent: z.record(z.string(), z.object({ state: z.enum(['granted', 'withdrawn']), basis: z.string(), at: z.iso.datetime(), event: z.uuid() })),
    ...standing,
    hotRules: z.array(z.string()),
    segments: z.array(z.string()),
    epoch: z.number().describe('How often this lead has crossed into hot'),
    armed: z.boolean(),
    rulebook: z.number(),
    asOf: z.iso.datetime(),
  })
  .meta({ id: 'Lead' });

export const timelineQuery = z.object({ after, ...pageQuery });
export type TimelineQuery = z.infer<typeof timelineQuery>;
export const timelineEntry = z
  .object({
    id: z.uuid(),
    kind: z.string(),
    type: z.string(),
    source: z.string(),
    occurredAt: z.iso.datetime(),
    receivedAt: z.iso.datetime(),
    refersTo: z.uuid().nullable(),
    name: z.string().nullable(),
    properties: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'TimelineEntry' });
export const timelinePage = pageOf(timelineEntry).meta({ id: 'TimelinePage' });

export const scoreQuery = z.object({ after, locale: z.enum(['ja', 'en']).default('en') });
export type ScoreQuery = z.infer<typeof scoreQuery>;
