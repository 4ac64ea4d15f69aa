import { z } from 'zod';
import { eventLogConfig } from '#libs/event-log';
import { platformConfig } from '#libs/platform';
import { projectionConfig } from '#libs/projection';

export const apiConfig = z.object({
  ...platformConfig.shape,
  ...eventLogConfig.shape,
  ...projectionConfig.shape,
  HOST: z.string().default('127.0.0.1').describe('Address to listen on'),
  API_PORT: z.coerce.number().int().min(0).max(65_535).default(24_301).describe('Port of the marketing and sales API'),
  API_FIRST_ADMIN_KEY: z
    .string()
    .regex(/^lfk_[A-Za-z0-9_-]{32,}$/, 'must be lfk_ and at least 32 characters of A-Z a-z 0-9 _ -')
    .optional()
    .describe('Admin key for a first start without a terminal; without it one is made and printed once'),
  SENDER_NAME: z.string().min(1).default('Leadfold').describe('Name of the sender, shown on the unsubscribe page'),
  TRACKING_SECRET: z.string().min(32).describe('Seals the tokens in mails; the same for collector, worker and api'),
});
export type ApiConfig = z.infer<typeof apiConfig>;
