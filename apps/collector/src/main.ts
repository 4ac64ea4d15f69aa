import { assertMode, createEventLog } from '#libs/event-log';
import { createLogger, createPool, explainFailedStart, parseConfig, within, stopOnSignals } from '#libs/platform';
import { SourceDirectory } from '#libs/sources';
import { collectorConfig } from './collector.config.js';
import { createApp } from './create-app.js';

const started = explainFailedStart('collector');
const config = parseConfig(collectorConfig);
const log = createLogger('collector', config.LOG_LEVEL);
const pool = createPool(
  { url: config.DATABASE_URL, applicationName: 'leadfold-collector', max: 2, statementTimeoutMs: 5_000 },
  (error) => log.warn({ err: error }, 'idle database connection lost'),
);

const sources = new SourceDirectory(pool, { folder: config.COLLECTOR_CACHE_DIR }, log);
await sources.open();
// only with the database there: without it the mode recorded last is taken to hold
if (sources.fresh) await within(10_000, assertMode(pool, config.EVENT_LOG));
const eventLog = createEventLog(config, log);
await eventLog
  .prepare()
  .catch((error: unknown) => log.warn({ err: error }, 'the log is away: requests get 503 until it answers'));

const { app, close } = await createApp({ config, log, eventLog, sources });
await app.listen(config.COLLECTOR_PORT, config.HOST);
log.info({ port: config.COLLECTOR_PORT }, 'collector is listening');

started();
stopOnSignals(log, async () => {
  await close();
  await eventLog.close();
  await sources.close();
  // PostgreSQL may be away: whatever its pool still waits for ends with the process
  await within(5_000, pool.end()).catch(() => undefined);
});
