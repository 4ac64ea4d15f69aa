import { z } from 'zod';

export const jobQueueConfig = z.object({
  JOB_QUEUE: z.enum(['redis', 'postgres']).default('redis').describe('redis (full mode) or postgres (embedded mode)'),
  REDIS_URL: z
    .string()
    .default('redis://127.0.0.1:6379')
    .describe('Redis 6.2 or newer with maxmemory-policy noeviction'),
  JOB_QUEUE_PREFIX: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,40}$/)
    .default('leadfold_jobs')
    .describe('Put before Redis keys; the schema of the jobs on PostgreSQL'),
});
export type JobQueueConfig = z.infer<typeof jobQueueConfig>;
