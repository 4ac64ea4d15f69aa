import { z } from 'zod';

export const nurtureConfig = z.object({
  MAIL_DAYS: z
    .string()
    .regex(/^[1-7](,[1-7])*$/)
    .default('1,2,3,4,5')
    .describe(
      'Days on which nurture mails go out: 1 Monday to 7 Sunday. All working days, so that thanks are not late; 2,3,4 with hours 10 to 17 is what many marketers choose',
    ),
  MAIL_FROM_HOUR: z.coerce.number().int().min(0).max(23).default(9).describe('Local hour at which nurture mails begin'),
  MAIL_UNTIL_HOUR: z.coerce.number().int().min(1).max(24).default(18).describe('Local hour at which nurture mails end'),
  MAIL_HOLIDAYS: z
    .enum(['jp', 'none'])
    .default('jp')
    .describe('Public holidays on which no nurture mail goes out and that are no business days: jp or none'),
  MAIL_CLOSED_DAYS: z
    .string()
    .regex(/^((\d{4}-)?\d{2}-\d{2}(,(\d{4}-)?\d{2}-\d{2})*)?$/)
    .default('12-29,12-30,12-31,01-01,01-02,01-03')
    .describe('More days like holidays: MM-DD for every year or YYYY-MM-DD, separated by commas'),
  NURTURE_QUIET_HOURS: z
    .enum(['on', 'off'])
    .default('on')
    .describe('off: nurture mails go out at any hour of any day (demonstrations and tests)'),
  MAIL_PER_DAY: z.coerce
    .number()
    .int()
    .min(1)
    .default(2)
    .describe('Nurture mails to one person within 24 hours at the most'),
  MAIL_PER_WEEK: z.coerce
    .number()
    .int()
    .min(1)
    .default(5)
    .describe('Nurture mails to one person within 7 days at the most'),
  MAIL_LOCALE: z.enum(['ja', 'en']).default('ja').describe('Language of mails to people whose language is not known'),
});
export type NurtureConfig = z.infer<typeof nurtureConfig>;
