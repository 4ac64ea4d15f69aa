import type { ConsumerHandlers } from '#libs/event-log';
import type { Logger, Pool } from '#libs/platform';
import type { BatchProjection } from './batch/batch.projection.js';
import { prepareOffset, stopPartition } from './store/offset.store.js';

/**
 * Where a partition begins, and whether it may begin at all: the log must hold `next`, or end exactly there. A log that
 * begins later or ends earlier has lost or never had what comes next (I31); going on would skip records silently.
 */
export function partitionHandlers(
  pool: Pool,
  batches: BatchProjection,
  log: Logger,
  alive: () => void,
): ConsumerHandlers {
  return {
    async assigned({ topic, partition, begin, end }) {
      const { next, stopped } = await prepareOffset(pool, topic, partition);
      const loss =
        begin > next
          ? `the log begins at ${begin}, after ${next}`
          : end < next
            ? `the log ends at ${end}, before ${next}`
            : undefined;
      if (loss === undefined && stopped === null) return { start: next };
      if (stopped === null) await stopPartition(pool, topic, partition, loss!);
      const reason = stopped ?? loss!;
      log.error(
        { topic, partition, next, begin, end, reason },
        'records are missing: partition stopped until the loss is accepted',
      );
      return { stop: reason };
    },
    batch: (batch) => batches.apply(batch),
    batches: (together) => batches.applyTogether(together),
    alive,
  };
}
