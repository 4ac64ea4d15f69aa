import { inTransaction, type Pool } from '#libs/platform';
import { lockRulebookShared } from '../batch/batch.projection.js';
import type { ProjectionContext } from '../projection-context.js';
import { reviewLocked } from './review.projection.js';
import { repeating } from './sweep.projection.js';

/**
 * Refolds one lead whose history was too long for a batch, under that lead's lock alone, and looks at it quietly. Until then
 * it has kept its state and decided nothing. Returns whether there was one.
 */
export function refoldOnePending(pool: Pool, context: ProjectionContext): Promise<boolean> {
  return repeating(() =>
    inTransaction(pool, async (client) => {
      await lockRulebookShared(client);
      const found = await client.query<{ id: number }>(
        'select id from lead where refold_pending and merged_into is null order by id limit 1 for update skip locked',
      );
      const id = found.rows[0]?.id;
      if (id === undefined) return false;
      await reviewLocked(client, context, [id], { refold: true });
      return true;
    }),
  );
}
