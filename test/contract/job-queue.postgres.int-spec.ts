import { createLogger } from '#libs/platform';
import { createJobQueue, jobQueueConfig } from '#libs/job-queue';
import { createTestDatabase } from '#test/database';
import { jobQueueContract, shortTiming } from './job-queue.contract.js';

jobQueueContract('PostgreSQL', async () => {
  const database = await createTestDatabase();
  const config = { ...jobQueueConfig.parse({ JOB_QUEUE: 'postgres' }), DATABASE_URL: database.url };
  const log = createLogger('test', process.env['LOG_LEVEL'] ?? 'fatal');
  return { open: () => createJobQueue(config, log, shortTiming), end: () => database.drop() };
});
