import { z } from 'zod';

const zoneName = z.string().refine((name) => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}, 'is no time zone of the IANA database');

export const projectionConfig = z.object({
  TIME_ZONE: zoneName
    .optional()
    .describe(
      "The organisation's time zone (Asia/Tokyo unless set), recorded at the first start: days are counted in it",
    ),
  KEY_LIMIT: z.coerce
    .number()
    .int()
    .min(2)
    .max(1000)
    .default(50)
    .describe('Keys that one person may have; a link past it is skipped and reported'),
  BROWSER_LIMIT: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(50)
    .describe("userIds and addresses that may be identified on one browser; one on which more were is nobody's"),
  OLD_EVENT_HOURS: z.coerce
    .number()
    .min(0)
    .max(8760)
    .default(24)
    .describe('Events older than this when they are received alert nobody and enrol nobody'),
  REFOLD_LIMIT: z.coerce
    .number()
    .int()
    .min(100)
    .default(20_000)
    .describe('A refold that reads more events than this runs outside the batch, in slices'),
});
export type ProjectionConfig = z.infer<typeof projectionConfig>;
