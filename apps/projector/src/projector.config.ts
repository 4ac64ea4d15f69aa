import { z } from 'zod';
import { eventLogConfig } from '#libs/event-log';
import { platformConfig } from '#libs/platform';
import { projectionConfig } from '#libs/projection';

export const projectorConfig = z.object({
  ...platformConfig.shape,
  ...eventLogConfig.shape,
  ...projectionConfig.shape,
  HOST: z.string().default('127.0.0.1').describe('Address to listen on'),
  PROJECTOR_PROBE_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(24_302)
    .describe('Port of the projector probe: health and metrics'),
  PROJECTOR_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(12)
    .default(3)
    .describe('Partitions applied at the same time, each on a connection of its own'),
  PROJECTOR_BATCH: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(2_000)
    .describe('Records per transaction at the most; a batch never waits to fill up'),
});
export type ProjectorConfig = z.infer<typeof projectorConfig>;
