import { z } from 'zod';
import { outcomeSchema } from '#libs/handoff/domain';
import { after } from '../http/after.js';
import { pageOf, pageQuery } from '../http/paging.js';
import { heldMove } from '../moves/moves.dto.js';

/** Scores are shown in points with one decimal; inside they are integers in tenths. */
const points = z.number().describe('Points, one decimal');

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
    account: z
      .object({
        account: z.string(),
        by: z.enum(['assignment', 'domain']),
        event: z.uuid().describe('The event that says so'),
        name: z.string().nullable(),
        temperature: z.enum(['hot', 'warm', 'cold']).nullable(),
        engagement: points.nullable(),
        members: z.number().nullable(),
      })
      .nullable()
      .describe('The company it belongs to; its figures follow within seconds, null until then'),
    profile: z.record(z.string(), z.object({ value: z.unknown(), at: z.iso.datetime(), event: z.uuid() })),
    consent: z.record(
      z.string(),
      z.object({ state: z.enum(['granted', 'withdrawn']), basis: z.string(), at: z.iso.datetime(), event: z.uuid() }),
    ),
    ...standing,
    held: z.array(heldMove).describe('Moves forward that wait, and for what'),
    hotRules: z.array(z.string()),
    segments: z.array(z.string()),
    epoch: z.number().describe('How often this lead has crossed into hot'),
    armed: z.boolean(),
    rulebook: z.number(),
    asOf: z.iso.datetime(),
  })
  .meta({ id: 'Lead' });

const locale = z.enum(['ja', 'en']).default('en').describe('Language of the texts');

export const timelineQuery = z.object({ after, locale, ...pageQuery });
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
    text: z.string().describe('The event in one line; plain text'),
    properties: z.record(z.string(), z.unknown()),
    counts: z.boolean().describe('False while it is withdrawn: then it is as if it had never been'),
    verdict: z.enum(['human', 'machine', 'unsure']).nullable().describe('In force on an open or click'),
    judgements: z
      .array(
        z.object({
          id: z.uuid(),
          type: z.string(),
          name: z.string().nullable(),
          at: z.iso.datetime(),
          actor: z.string().nullable(),
          reason: z.string().nullable(),
          rule: z.number().nullable().describe('The version of the rule that made a verdict'),
        }),
      )
      .describe('What was said about it later, oldest first'),
  })
  .meta({ id: 'TimelineEntry' });
export const timelinePage = pageOf(timelineEntry).meta({ id: 'TimelinePage' });

export const scoreQuery = z.object({
  after,
  locale,
  at: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('Explain a past instant, from the events themselves; not before 2000, not in the future'),
  knowledge: z
    .enum(['now', 'then'])
    .default('now')
    .describe(
      'With `at`: what we know today of what had happened by then, under today’s rulebook; or only what was known then, under the rulebook that was live',
    ),
});
export type ScoreQuery = z.infer<typeof scoreQuery>;

const condition = z.object({
  text: z.string(),
  held: z.boolean(),
  unknown: z.boolean().describe('The lead’s value is not known'),
});
const rule = z.object({ name: z.string(), label: z.string(), held: z.boolean(), conditions: z.array(condition) });
const part = points.nullable();
const eventIds = z.array(z.uuid());
const lineEvents = z
  .object({ first: z.uuid(), last: z.uuid(), ids: eventIds.describe('The newest 20, newest first') })
  .nullable()
  .describe('The events that the line counts; only with `at`');

export const scoreExplanation = z
  .object({
    lead: z.number(),
    keys: z.array(z.string()).describe('Those that were one person, by what is asked to be known'),
    asOf: z.iso.datetime(),
    knowledge: z.enum(['now', 'then']),
    facts: z.number().nullable().describe('How many events it is made of; only with `at`'),
    rulebook: z.number().describe('Version'),
    epoch: z.number().describe('How often the lead had crossed into hot'),
    armed: z.boolean().describe('Whether becoming hot would alert'),
    score: points,
    band: z.string(),
    temperature: z.string(),
    lines: z
      .array(z.object({ kind: z.string(), label: z.string(), points }))
      .describe('They sum to the score, exactly'),
    engagement: z.object({
      total: points,
      lines: z
        .array(
          z.object({
            kind: z.enum(['signal', 'group']),
            name: z.string(),
            label: z.string(),
            points,
            count: z.number().nullable(),
            firstAt: z.iso.datetime().nullable(),
            lastAt: z.iso.datetime().nullable(),
            beforeDecay: part,
            decay: part,
            capped: part,
            expired: part,
            events: lineEvents,
          }),
        )
        .describe('They sum to the total, exactly'),
    }),
    fit: z.object({
      total: points,
      grade: z.string(),
      lines: z
        .array(condition.extend({ points, events: eventIds.describe('The events that set what the rule reads') }))
        .describe('They sum to the total, exactly'),
    }),
    hot: z.array(rule).describe('Every hot rule; what is missing to be hot are the conditions that do not hold'),
    warm: rule.describe('What makes it warm; with a matrix, the row of its grade'),
    matrix: z
      .object({
        grade: z.string(),
        column: z.number().describe('Counted from 0'),
        from: z.number().nullable().describe('Engagement from which this column begins, in points'),
        below: z.number().nullable(),
        warmth: z.enum(['cold', 'warm']),
        text: z.string(),
      })
      .nullable()
      .describe('The lead’s cell, where the rulebook splits warm from cold by grade × engagement'),
    stage: z.object({
      name: z.string().nullable(),
      label: z.string().nullable(),
      phase: z.enum(['TOFU', 'MOFU', 'BOFU']).nullable(),
      conditions: z.array(rule).describe('What moves a lead forward by itself'),
      held: z.array(heldMove).describe('Moves forward that wait, and for what'),
    }),
    hotUntil: z.iso.datetime().nullable().describe('When it stops being hot if nothing happens'),
  })
  .meta({ id: 'ScoreExplanation' });

export const outcomeBody = outcomeSchema.meta({ id: 'Outcome' });
export type OutcomeBody = z.infer<typeof outcomeBody>;
export const correctionBody = z
  .strictObject({ correction: outcomeBody, reason: z.string().trim().min(1).max(500).describe('Why it was wrong') })
  .meta({ id: 'OutcomeCorrection' });
export type CorrectionBody = z.infer<typeof correctionBody>;
export const statedOutcome = z
  .object({ eventId: z.uuid().describe('Wait for it with ?after=<eventId>') })
  .meta({ id: 'StatedOutcome' });
