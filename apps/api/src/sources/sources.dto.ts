import { z } from 'zod';
import { sourceSettings } from '#libs/sources';

export const newSource = z
  .strictObject({
    id: z.string().describe('Lower case, stays for ever: the ids of its events are made from it'),
    name: z.string().min(1).max(200),
    idSpace: z
      .string()
      .optional()
      .describe('Sources with the same space mean the same people by a userId; default main'),
    settings: sourceSettings.optional(),
  })
  .meta({ id: 'NewSource' });
export type NewSourceBody = z.infer<typeof newSource>;

export const sourceRow = z
  .object({
    id: z.string(),
    name: z.string(),
    idSpace: z.string(),
    settings: sourceSettings,
    createdAt: z.iso.datetime(),
    revokedAt: z.iso.datetime().nullable(),
    keys: z.array(
      z.object({
        hash: z.string().describe('SHA-256 of the key, by which it can be revoked'),
        hint: z.string().describe('Last four characters'),
        createdAt: z.iso.datetime(),
        revokedAt: z.iso.datetime().nullable(),
      }),
    ),
  })
  .meta({ id: 'Source' });

export const writeKeyShownOnce = z.object({ key: z.string(), hint: z.string() }).meta({ id: 'WriteKeyShownOnce' });
export const newWriteKeyBody = z
  .strictObject({ key: z.string().optional().describe('A key that pages already carry; without it one is made') })
  .meta({ id: 'NewWriteKey' });
