import { z } from 'zod';

/** Closed lists: a free text would name the person in the one row that stays. */
export const erasureRequest = z
  .strictObject({
    requestedBy: z.enum(['person', 'representative', 'authority', 'organisation']).describe('Who asked for it'),
    reason: z.enum(['asked', 'consent-withdrawn', 'no-longer-needed', 'collected-wrongly']).describe('On which ground'),
    reference: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._/#-]{0,63}$/, 'is a ticket number: letters, digits and . _ / # -')
      .optional()
      .describe('Number of the case in your own files; it may not name the person'),
    search: z
      .boolean()
      .optional()
      .describe('False: do not read every stored event for the addresses, to find those of others that name them'),
  })
  .meta({ id: 'ErasureRequest' });
export type ErasureRequest = z.infer<typeof erasureRequest>;

export const erasureProof = z
  .object({
    id: z.uuid(),
    state: z
      .enum(['done', 'under-way'])
      .describe('`under-way`: it was broken off; ask again for the same lead to resume it'),
    requestedAt: z.iso.datetime(),
    doneAt: z.iso.datetime().nullable(),
    requestedBy: z.string(),
    reason: z.string(),
    reference: z.string().nullable(),
    leads: z.array(z.number()).describe('Lead ids that stood for the person, and stand for nobody any more'),
    removed: z.record(z.string(), z.number()).describe('Rows removed or blanked, per table'),
    keyHashes: z.array(z.string()).describe('SHA-256 of "leadfold-erased", a line feed and the subject key'),
    logUntil: z.iso
      .datetime()
      .describe('After this no record of the person is on the event log; until then each is dropped'),
  })
  .meta({ id: 'ErasureProof' });
export type ErasureProof = z.infer<typeof erasureProof>;
