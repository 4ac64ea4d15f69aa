import { z } from 'zod';

/** The number that a signal's `matches` found, kept as an attribute of the lead: the latest event that says one wins. */
export const captureDefinition = z.strictObject({
  attribute: z
    .string()
    .regex(/^([a-z][A-Za-z0-9]{0,39}|company\.employees)$/, 'must be letters and digits such as plannedSeats')
    .refine((name) => !reserved.has(name), 'is an attribute that Leadfold keeps itself'),
  as: z.literal('number'),
});
export type CaptureDefinition = z.infer<typeof captureDefinition>;

const reserved = new Set(['account', 'email', 'outcome', 'outcomeReason']);
