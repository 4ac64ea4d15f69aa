import { z } from 'zod';
import { emailKey, normalizeEmail } from '#libs/leads/domain';

/** A subject key as people write it: `e:taro@example.co.jp`, `u:main:42`, `a:browser-7`. */
export const subjectKey = z
  .string()
  .max(520)
  .regex(/^(e:\S+@\S+|u:[^:\s]+:.+|a:.+)$/, 'must be e:<address>, u:<id space>:<userId> or a:<anonymousId>')
  .transform((key) => (key.startsWith('e:') ? emailKey(normalizeEmail(key.slice(2))) : key));

export const mergeRequest = z
  .strictObject({ keys: z.tuple([subjectKey, subjectKey]), reason: z.string().min(1).max(500) })
  .refine(({ keys }) => keys[0] !== keys[1], { path: ['keys', 1], message: 'names the same key twice' })
  .refine(({ keys }) => keys.every((key) => !key.startsWith('a:')), {
    path: ['keys'],
    message: 'only userIds and addresses can be merged; a browser belongs to whoever identifies on it',
  })
  .meta({ id: 'MergeRequest' });
export type MergeRequest = z.infer<typeof mergeRequest>;

export const unmergeRequest = z
  .strictObject({
    event: z.uuid().describe('The merge, identify, form or alias event that joined the two'),
    keepApart: z.tuple([subjectKey, subjectKey]).optional().describe('Hold these two keys apart for good'),
    reason: z.string().min(1).max(500),
  })
  .meta({ id: 'UnmergeRequest' });
export type UnmergeRequest = z.infer<typeof unmergeRequest>;

export const retractionRequest = z
  .strictObject({ event: z.uuid(), withdrawn: z.boolean().default(true), reason: z.string().min(1).max(500) })
  .meta({ id: 'RetractionRequest' });
export type RetractionRequest = z.infer<typeof retractionRequest>;

export const statedFacts = z
  .object({ events: z.array(z.uuid()).describe('Ids of the facts stated; wait for one with ?after=api/<id>') })
  .meta({ id: 'StatedFacts' });
