import { z } from 'zod';
import { pageOf, pageQuery } from '../http/paging.js';

export const deliveryState = z.enum(['pending', 'sending', 'sent', 'failed', 'suppressed', 'unknown', 'cancelled']);

export const deliveriesQuery = z.object({
  state: deliveryState.optional(),
  purpose: z.enum(['nurture', 'alert']).optional(),
  channel: z.string().max(50).optional(),
  lead: z.coerce.number().int().positive().optional().describe('Lead id'),
  ...pageQuery,
});
export type DeliveriesQuery = z.infer<typeof deliveriesQuery>;

export const delivery = z
  .object({
    id: z.uuid(),
    purpose: z.enum(['nurture', 'alert']),
    channel: z.string(),
    lead: z.number(),
    recipient: z.string().nullable(),
    state: deliveryState,
    reason: z.string().nullable().describe('Why it was suppressed, cancelled or failed: a stable code'),
    lastError: z.string().nullable(),
    attempt: z.number(),
    repeats: z.number().describe('How often an alert was sent again, with the same id, after a death past hand-off'),
    run: z.uuid().nullable(),
    step: z.string().nullable(),
    crossing: z.uuid().nullable(),
    dueAt: z.iso.datetime(),
    handedOffAt: z.iso.datetime().nullable(),
    endedAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Delivery' });
export const deliveriesPage = pageOf(delivery).meta({ id: 'DeliveryPage' });
