import { createLogger } from '#libs/platform';
import { PostgresLog } from '#libs/event-log';
import { createTestDatabase } from '#test/database';
import { eventLogContract } from './event-log.contract.js';

eventLogContract('PostgreSQL', async () => {
  const database = await createTestDatabase();
  return {
    fresh: async () => {
      await database.pool.query('truncate log_partition, log_record');
    },
    open: () => new PostgresLog({ url: database.url, retentionDays: 7 }, createLogger('test', process.env['LOG_LEVEL'] ?? 'fatal')),
    end: () => database.drop(),
  };
});
