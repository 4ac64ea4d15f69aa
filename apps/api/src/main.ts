import 'reflect-metadata';
import { assertMode, createEventLog } from '#libs/event-log';
import {
  createLogger,
  createMetrics,
  createPool,
  explainFailedStart,
  parseConfig,
  refuseUnprepared,
  stopOnSignals,
} from '#libs/platform';
import { ProjectionContext } from '#libs/projection';
import { migrations } from '#migrations';
import { ensureFirstAdminKey } from './access/api-key.store.js';
import { apiConfig } from './api.config.js';
import { createApp, serveDocs } from './create-app.js';

const started = explainFailedStart('api');
const config = parseConfig(apiConfig);
const logger = createLogger('api', config.LOG_LEVEL);
const pool = createPool(
  { url: config.DATABASE_URL, applicationName: 'leadfold-api', max: 8, statementTimeoutMs: 15_000 },
  (error) => logger.warn({ err: error }, 'idle database connection lost'),
);

await refuseUnprepared(pool, { migrations, drivenClock: config.ALLOW_DRIVEN_CLOCK });
await assertMode(pool, config.EVENT_LOG);
const eventLog = createEventLog(config, logger);

const app = await createApp({
  pool,
  eventLog,
  config,
  logger,
  metrics: createMetrics('api'),
  context: await ProjectionContext.load(pool, config),
});
serveDocs(app);
const firstKey = await ensureFirstAdminKey(pool, config.API_FIRST_ADMIN_KEY);
// on stdout and not through the logger: it is a secret, shown once
if (firstKey) process.stdout.write(`First admin key (shown only now): ${firstKey}\n`);
await app.listen(config.API_PORT, config.HOST);
logger.info({ port: config.API_PORT }, 'api is listening');

started();
stopOnSignals(logger, async () => {
  // requests under way are answered before the parts they use close
  await app.close();
  await eventLog.close();
  await pool.end();
});
