import type { Queryable } from '#libs/platform';
import { awaitedIn, type Awaited } from '../domain/index.js';
import type { Rulebook } from '../projection-context.js';

/** What scenarios wait for, read alone: whoever looks without a fence, a rebuild for one, must look as far ahead. */
export async function readAwaited(db: Queryable, rulebook: Rulebook): Promise<Awaited | undefined> {
  const found = await db.query<{ listener: string }>(
    "select kind || ':' || name as listener from public.listener where kind = 'condition'",
  );
  return awaitedIn(
    found.rows.map((row) => row.listener),
    rulebook,
  );
}
