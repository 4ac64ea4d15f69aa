import { z } from 'zod';
import { DomainError, eventIdOf, type Pool } from '#libs/platform';
import { waitForEvent } from '#libs/projection';

const afterLimitMs = 5_000;

export const after = z
  .string()
  .max(400)
  .regex(/^([^/]+\/.+|[0-9a-f]{8}-[0-9a-f-]{27})$/, 'must be <source>/<messageId> or an event id')
  .optional()
  .describe('`<source>/<messageId>`, or an event id: wait until this event is folded, at most 5 s');
export const afterQuery = z.object({ after });
export type AfterQuery = z.infer<typeof afterQuery>;

/** Read your own writes: returns once the event is folded, or refuses with `after-timeout`. */
export async function waitForAfter(pool: Pool, after: string | undefined): Promise<void> {
  if (after === undefined) return;
  const slash = after.indexOf('/');
  const id = slash < 0 ? after : eventIdOf(after.slice(0, slash), after.slice(slash + 1));
  if (await waitForEvent(pool, id, afterLimitMs)) return;
  throw new DomainError('after-timeout', `The event was not folded within ${afterLimitMs / 1000} s. Ask again.`, {
    status: 504,
    path: 'after',
  });
}
