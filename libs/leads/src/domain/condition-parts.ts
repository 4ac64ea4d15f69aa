import { z } from 'zod';

export const name = z.string().min(1).max(100);

/** `14d`, `2w`: whole local days. */
export const dayWindow = z.string().regex(/^[1-9]\d{0,3}[dw]$/, 'must be a number of days or weeks such as 14d or 2w');
/** `3mo` as well, for dates. */
export const dateWindow = z
  .string()
  .regex(/^[1-9]\d{0,3}(d|w|mo)$/, 'must be a number of days, weeks or months such as 14d, 2w or 3mo');

export const comparison = (of: z.ZodNumber) =>
  z
    .strictObject({ gte: of.optional(), gt: of.optional(), lte: of.optional(), lt: of.optional(), eq: of.optional() })
    .refine(
      (tests) => Object.values(tests).some((test) => test !== undefined),
      'names no comparison: gte, gt, lte, lt or eq',
    );

export const points = comparison(z.number().min(-1e6).max(1e6).multipleOf(0.1));
export const whole = comparison(z.number().int().min(0).max(1e12));

export const temperatures = z.enum(['hot', 'warm', 'cold']);
export const oneOrAtLeast = <T extends z.ZodType>(of: T) => z.union([of, z.strictObject({ atLeast: of })]);
