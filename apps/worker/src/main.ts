import { assertMode } from '#libs/event-log';
import { assertQueueMode } from '#libs/job-queue';
import {
  createLogger,
  createPool,
  explainFailedStart,
  parseConfig,
  refuseUnprepared,
  stopOnSignals,
} from '#libs/platform';
import { migrations } from '#migrations';
import { workerConfig } from './worker.config.js';
import { createWorker } from './worker.js';

const started = explainFailedStart('worker');
const config = parseConfig(workerConfig);
const logger = createLogger('worker', config.LOG_LEVEL);

const checks = createPool(
  { url: config.DATABASE_URL, applicationName: 'leadfold-worker-start', max: 1 },
  () => undefined,
);
await refuseUnprepared(checks, { migrations, drivenClock: config.ALLOW_DRIVEN_CLOCK });
await assertMode(checks, config.EVENT_LOG);
await assertQueueMode(checks, config.JOB_QUEUE);
await checks.end();

const worker = await createWorker(config, logger);
const starting = worker.start();
// what is handed off is finished first, also while it still starts: a clean stop leaves nothing unknown
stopOnSignals(logger, async () => {
  if (!worker.acts) return;
  await starting;
  await worker.stop();
});
await starting;
started();
