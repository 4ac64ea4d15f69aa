import { z } from 'zod';

export const handoffConfig = z.object({
  ALERT_SLACK_WEBHOOK_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Slack incoming webhook for hot-lead alerts (a secret)'),
  ALERT_EMAIL_TO: z.email().optional().describe('Address that gets hot-lead alerts'),
  ALERT_WEBHOOK_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Endpoint for hot-lead alerts, signed as Standard Webhooks'),
  ALERT_WEBHOOK_SECRETS: z
    .string()
    .regex(
      /^whsec_[A-Za-z0-9+/=]{32,}( whsec_[A-Za-z0-9+/=]{32,})?$/,
      'one secret, or two separated by a space: whsec_ and base64 of 24 bytes or more',
    )
    .optional()
    .describe('Signing secret of ALERT_WEBHOOK_URL; two, separated by a space, during a rotation'),
  ALERT_LOCALE: z.enum(['ja', 'en']).default('ja').describe('Language of alerts'),
});
export type HandoffConfig = z.infer<typeof handoffConfig>;
