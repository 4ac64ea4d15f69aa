import { z } from 'zod';
import { eventLogConfig } from '#libs/event-log';
import { handoffConfig } from '#libs/handoff';
import { jobQueueConfig } from '#libs/job-queue';
import { nurtureConfig } from '#libs/nurture';
import { platformConfig } from '#libs/platform';
import { projectionConfig } from '#libs/projection';

export const workerConfig = z.object({
  ...platformConfig.shape,
  ...eventLogConfig.shape,
  ...jobQueueConfig.shape,
  ...handoffConfig.shape,
  ...nurtureConfig.shape,
  TIME_ZONE: projectionConfig.shape.TIME_ZONE,
  HOST: z.string().default('127.0.0.1').describe('Address to listen on'),
  WORKER_PROBE_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(24_303)
    .describe('Port of the worker probe: health and metrics'),
  SMTP_URL: z
    .url({ protocol: /^smtps?$/ })
    .default('smtp://127.0.0.1:24025?ignoreTLS=true')
    .describe('smtp:// or smtps:// with user and password (a secret); ?ignoreTLS=true or ?requireTLS=true'),
  SMTP_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(10)
    .describe('Connections to the mail server at the most'),
  MAIL_FROM: z.email().describe('Address of the sender of mails'),
  SENDER_NAME: z.string().min(1).default('Leadfold').describe('Name of the sender, shown in every mail'),
  SENDER_ADDRESS: z.string().min(1).describe('Postal address of the sender, shown in every nurture mail'),
  SITE_URL: z.url({ protocol: /^https?$/ }).describe('Your website: the buttons of the shipped mails lead there'),
  DKIM_DOMAIN: z
    .string()
    .optional()
    .describe('Signs mails when DKIM_DOMAIN, DKIM_SELECTOR and DKIM_PRIVATE_KEY are set'),
  DKIM_SELECTOR: z.string().optional().describe('Selector of the DKIM key'),
  DKIM_PRIVATE_KEY: z.string().optional().describe('PEM of the DKIM key; line breaks may be written as \\n (a secret)'),
  OUTBOUND_ALLOW: z
    .string()
    .default('')
    .describe('Hosts, addresses and CIDR blocks that webhooks may reach although they are not public'),
  PUBLIC_COLLECTOR_URL: z
    .url()
    .default('http://127.0.0.1:24300')
    .describe('Where mails find the open and click routes'),
  PUBLIC_API_URL: z
    .url()
    .default('http://127.0.0.1:24301')
    .describe('Where mails and alerts find the api: unsubscribe pages, leads'),
  TRACKING_SECRET: z.string().min(32).describe('Seals the tokens in mails; the same for collector, worker and api'),
  WORKER_LEASE_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(600)
    .default(60)
    .describe('How long a worker holds a delivery; longer than any send takes'),
  OUTBOX_KEEP_DAYS: z.coerce
    .number()
    .int()
    .min(2)
    .max(3_650)
    .default(30)
    .describe('Days after which taken notices and stated facts are deleted; signals older than it enrol nobody'),
});
export type WorkerConfig = z.infer<typeof workerConfig>;
