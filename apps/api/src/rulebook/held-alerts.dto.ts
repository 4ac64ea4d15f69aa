import { z } from 'zod';
import { pageOf, pageQuery } from '../http/paging.js';

export const heldAlertsQuery = z.object({
  released: z.stringbool().optional().describe('Only those let go already, or only those still held'),
  ...pageQuery,
});
export type HeldAlertsQuery = z.infer<typeof heldAlertsQuery>;

export const heldAlert = z
  .object({
    crossing: z.uuid().describe('The decision; what a release names'),
    crossedAt: z.iso.datetime(),
    lead: z.number(),
    displayName: z.string().nullable(),
    company: z.string().nullable(),
    email: z.string().nullable(),
    rules: z.array(z.string()).describe('The hot rules that held'),
    score: z.number().nullable().describe('As it stands now, in points'),
    temperature: z.string().nullable().describe('As it stands now'),
    releasedAt: z.iso.datetime().nullable(),
    releasedBy: z.string().nullable(),
    deliveries: z
      .array(z.object({ id: z.uuid(), channel: z.string(), state: z.string(), reason: z.string().nullable() }))
      .describe('One per channel; none yet where the worker has not seen the crossing'),
  })
  .meta({ id: 'HeldAlert' });
export const heldAlertPage = pageOf(heldAlert)
  .extend({ complete: z.boolean().describe('False while leads are still being derived under this version') })
  .meta({ id: 'HeldAlertPage' });

const note = z.string().max(1_000).default('');
export const releaseInput = z
  .union([
    z.strictObject({ crossings: z.array(z.uuid()).min(1).max(1_000), note }),
    z.strictObject({
      all: z.literal(true),
      stillHot: z.boolean().default(false).describe('Only leads that are hot now'),
      note,
    }),
  ])
  .meta({ id: 'ReleaseHeldAlerts' });
export type ReleaseInput = z.infer<typeof releaseInput>;

export const releasedAlerts = z
  .object({
    released: z.number(),
    alreadyReleased: z.number().describe('Asked for again: nothing is sent twice'),
    deliveries: z.number().describe('Alerts that wait to be sent now'),
    toBeWritten: z.number().describe('Crossings whose alerts the worker writes first'),
  })
  .meta({ id: 'ReleasedAlerts' });
