import { z } from 'zod';

const note = z.string().trim().max(2_000).optional();
const reason = z.string().trim().min(1).max(500);
const date = z.iso.date();

/** What sales says became of a lead. Who leaves the way forward needs a reason, an opportunity its likelihood and next step's date. */
export const outcomeSchema = z.discriminatedUnion('outcome', [
  z.strictObject({
    outcome: z.enum(['contacted', 'accepted', 'meeting']),
    reason: reason.optional(),
    note,
  }),
  z.strictObject({ outcome: z.enum(['rejected', 'disqualified', 'lost', 'recycled']), reason, note }),
  z.strictObject({
    outcome: z.literal('opportunity'),
    likelihood: z.number().min(0).max(100).describe('Per cent'),
    nextActionDate: date.describe('YYYY-MM-DD'),
    value: z.number().nonnegative().max(1e15).optional(),
    note,
  }),
  z.strictObject({ outcome: z.literal('won'), value: z.number().nonnegative().max(1e15).optional(), note }),
]);
export type Outcome = z.infer<typeof outcomeSchema>;
