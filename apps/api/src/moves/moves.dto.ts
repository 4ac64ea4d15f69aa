import { z } from 'zod';
import { pageOf, pageQuery } from '../http/paging.js';

const locale = z.enum(['ja', 'en']).default('en').describe('Language of the texts');

export const moveVerdict = z
  .discriminatedUnion('verdict', [
    z.strictObject({
      stage: z.string().min(1).max(100),
      verdict: z.literal('approved'),
      reason: z.string().trim().min(1).max(500).optional(),
    }),
    z.strictObject({
      stage: z.string().min(1).max(100),
      verdict: z.literal('declined'),
      reason: z.string().trim().min(1).max(500),
    }),
  ])
  .meta({ id: 'MoveVerdict' });
export type MoveVerdictBody = z.infer<typeof moveVerdict>;

export const heldMove = z
  .object({
    stage: z.string(),
    label: z.string(),
    since: z.iso.datetime().nullable(),
    askedBy: z.enum(['condition', 'outcome']),
    missing: z.array(z.object({ attribute: z.string(), label: z.string() })).describe('What must be known first'),
    approver: z.enum(['sales', 'marketing']).nullable().describe('Who has yet to approve'),
    text: z.string(),
  })
  .meta({ id: 'HeldMove' });

export const heldMovesQuery = z.object({ locale, ...pageQuery });
export type HeldMovesQuery = z.infer<typeof heldMovesQuery>;
export const heldMovesPage = pageOf(
  heldMove
    .extend({
      lead: z.number(),
      displayName: z.string().nullable(),
      company: z.string().nullable(),
      email: z.string().nullable(),
    })
    .meta({ id: 'WaitingMove' }),
).meta({ id: 'WaitingMovePage' });
