import type { Logger } from '#libs/platform';
import { postgresBackend, redisBackend, type JobTiming } from './backend.js';
import { BullQueue } from './bull-queue.js';
import type { JobQueueConfig } from './job-queue.config.js';
import type { JobQueue } from './port.js';

const usual: JobTiming = { lockMs: 20_000, stalledCheckMs: 30_000 };

/** The queue this deployment uses. DATABASE_URL serves the embedded mode only. */
export function createJobQueue(
  config: JobQueueConfig & { DATABASE_URL: string },
  log: Logger,
  timing: JobTiming = usual,
): JobQueue {
  const backend =
    config.JOB_QUEUE === 'redis'
      ? redisBackend(config.REDIS_URL, config.JOB_QUEUE_PREFIX, timing)
      : postgresBackend(config.DATABASE_URL, config.JOB_QUEUE_PREFIX, timing);
  return new BullQueue(backend, log);
}
