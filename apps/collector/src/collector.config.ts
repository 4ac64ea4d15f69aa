import { z } from 'zod';
import { eventLogConfig } from '#libs/event-log';
import { platformConfig } from '#libs/platform';

export const collectorConfig = z.object({
  ...platformConfig.shape,
  ...eventLogConfig.shape,
  HOST: z.string().default('127.0.0.1').describe('Address to listen on'),
  COLLECTOR_PORT: z.coerce.number().int().min(0).max(65_535).default(24_300).describe('Port of the tracking endpoints'),
  COLLECTOR_CACHE_DIR: z
    .string()
    .default('.local/collector')
    .describe('Where the collector keeps its copy of the sources'),
  COLLECTOR_TRUST_PROXY: z
    .string()
    .default('loopback')
    .describe('Addresses whose X-Forwarded-For is believed, comma-separated; `loopback` and CIDR ranges are allowed'),
  COLLECTOR_EVENTS_PER_SECOND: z.coerce
    .number()
    .int()
    .min(1)
    .default(200_000)
    .describe('Events per second and write key before 429; twice as many in a burst'),
  COLLECTOR_IN_FLIGHT_BYTES: z.coerce
    .number()
    .int()
    .min(1_048_576)
    .default(67_108_864)
    .describe('Bytes of requests under way before new ones get 503'),
  PUBLIC_COLLECTOR_URL: z
    .url()
    .optional()
    .describe('How browsers reach the collector; without it the Host header tells'),
  TRACKING_SECRET: z.string().min(32).describe('Seals the tokens in mails; the same for collector, worker and api'),
});
export type CollectorConfig = z.infer<typeof collectorConfig>;
