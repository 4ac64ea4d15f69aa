import { z } from 'zod';
import { comparison, dayWindow, name, oneOrAtLeast, points, temperatures, whole } from './condition-parts.js';

const kind = 'names no test: temperature, hottest, engagement, members, engaged, roles, reached or signal';

/** What is known of the company that a lead belongs to, over all of its members. Every named test must hold. */
export const accountCondition = z.strictObject({
  account: z
    .strictObject({
      temperature: oneOrAtLeast(temperatures).optional(),
      /** Of the members one by one. */
      hottest: oneOrAtLeast(temperatures).optional(),
      engagement: points.optional(),
      members: whole.optional(),
      /** Members that count as engaged, by the rulebook. */
      engaged: whole.optional(),
      /** Roles that must be covered. */
      roles: z.union([name, z.array(name).min(1).max(20)]).optional(),
      /** Whether a decision maker was reached. */
      reached: z.boolean().optional(),
      signal: name.optional(),
      within: dayWindow.optional(),
      /** Of the signal, over all members. */
      count: whole.optional(),
      /** How many members did it. */
      people: comparison(z.number().int().min(0).max(1e6)).optional(),
    })
    .refine(
      ({ within: _, count: __, people: ___, ...tests }) => Object.values(tests).some((test) => test !== undefined),
      kind,
    )
    .refine(
      ({ signal, within, count, people }) =>
        signal !== undefined || (within === undefined && count === undefined && people === undefined),
      'within, count and people need a signal',
    ),
});
export type AccountTests = z.infer<typeof accountCondition>['account'];
