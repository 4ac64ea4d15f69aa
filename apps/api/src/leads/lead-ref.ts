import { z } from 'zod';
import { emailKey, normalizeEmail } from '#libs/leads/domain';
import { DomainError } from '#libs/platform';
import type { LeadRef } from '#libs/projection';

export const leadRef = z
  .string()
  .max(520)
  .regex(
    /^(\d{1,15}|e:\S+@\S+|u:[^:\s]+:.+|a:.+)$/,
    'must be a lead id, e:<address>, u:<id space>:<userId> or a:<anonymousId>',
  )
  .describe('Lead id, or one of the lead’s keys');

/** A path’s lead: an id, or a key as people write it. */
export const refOf = (text: string): LeadRef => {
  if (/^\d+$/.test(text)) return { id: Number(text) };
  return { key: text.startsWith('e:') ? emailKey(normalizeEmail(text.slice(2))) : text };
};

export const leadUnknown = () =>
  new DomainError('lead-unknown', 'No lead has this id or key.', { status: 404, path: 'lead' });

/** Tenths inside, points outside. */
export const points = (tenths: number): number => tenths / 10;
export const iso = (ms: number): string => new Date(ms).toISOString();
