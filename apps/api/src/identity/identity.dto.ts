import { z } from 'zod';
import { emailKey, normalizeEmail } from '#libs/leads/domain';

/** A subject key as people write it: `e:taro@example.co.jp`, `u:main:42`, `a:browser-7`. */
export const subjectKey = z
  .string()
  .max(520)
  .regex(/^(e:\S+@\S+|u:[^:\s]+:.+|a:.+)$/, 'must be e:<address>, u:<id space>:<userId> or a:<anonymousId>')
  .transform((key) => (key.startsWith('e:') ? emailKey(normalizeEmail(key.slice(2))) : key));

const reason = z.string().min(1).max(500);

/** Browsers are nobody's key: they belong to whoever identifies on them. */
const twoPeople = z
  .tuple([subjectKey, subjectKey])
  .refine(([a, b]) => a !== b, { path: [1], message: 'names the same key twice' })
  .refine((keys) => keys.every((key) => !key.startsWith('a:')), {
    message: 'only userIds and addresses name a person; a browser belongs to whoever identifies on it',
  });

export const mergeRequest = z.strictObject({ keys: twoPeople, reason }).meta({ id: 'MergeRequest' });
export type MergeRequest = z.infer<typeof mergeRequest>;

export const apartRequest = z
  .strictObject({ keys: twoPeople.describe('Never one person, whatever the sites say'), reason })
  .meta({ id: 'ApartRequest' });
export type ApartRequest = z.infer<typeof apartRequest>;

export const liftRequest = z.strictObject({ reason }).meta({ id: 'LiftRequest' });
export type LiftRequest = z.infer<typeof liftRequest>;

export const unmergeRequest = z
  .strictObject({
    event: z.uuid().describe('The merge, identify, form or alias event that joined the two'),
    keepApart: twoPeople.optional().describe('Hold these two keys apart for good'),
    reason,
  })
  .meta({ id: 'UnmergeRequest' });
export type UnmergeRequest = z.infer<typeof unmergeRequest>;

export const retractionRequest = z
  .strictObject({ event: z.uuid(), withdrawn: z.boolean().default(true), reason })
  .meta({ id: 'RetractionRequest' });
export type RetractionRequest = z.infer<typeof retractionRequest>;

export const statedFacts = z
  .object({ events: z.array(z.uuid()).describe('Ids of the facts stated; wait for one with ?after=api/<id>') })
  .meta({ id: 'StatedFacts' });
