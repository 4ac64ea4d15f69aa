import { Redis } from 'ioredis';
import { createLogger, newId } from '#libs/platform';
import { createJobQueue, jobQueueConfig } from '#libs/job-queue';
import { jobQueueContract, shortTiming } from './job-queue.contract.js';

jobQueueContract('Redis', () => {
  const url = process.env['TEST_REDIS_URL'];
  if (!url) throw new Error('No Redis for this test: run it through `npm test`, or set TEST_REDIS_URL.');
  const prefix = `test_${newId().replaceAll('-', '')}`;
  const config = { ...jobQueueConfig.parse({ REDIS_URL: url, JOB_QUEUE_PREFIX: prefix }), DATABASE_URL: '' };
  const log = createLogger('test', process.env['LOG_LEVEL'] ?? 'fatal');
  return Promise.resolve({
    open: () => createJobQueue(config, log, shortTiming),
    end: async () => {
      const redis = new Redis(url);
      const keys = await redis.keys(`${prefix}:*`);
      if (keys.length) await redis.del(...keys);
      await redis.quit();
    },
  });
});
