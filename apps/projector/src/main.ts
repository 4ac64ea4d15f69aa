import { assertMode } from '#libs/event-log';
import {
  createLogger,
  createPool,
  explainFailedStart,
  parseConfig,
  refuseUnprepared,
  stopOnSignals,
} from '#libs/platform';
import { ensureDefaultRulebook, recordZone } from '#libs/projection';
import { migrations } from '#migrations';
import { projectorConfig } from './projector.config.js';
import { createProjector } from './projector.js';

const started = explainFailedStart('projector');
const config = parseConfig(projectorConfig);
const logger = createLogger('projector', config.LOG_LEVEL);

const checks = createPool(
  { url: config.DATABASE_URL, applicationName: 'leadfold-projector-start', max: 1 },
  () => undefined,
);
await refuseUnprepared(checks, { migrations, drivenClock: config.ALLOW_DRIVEN_CLOCK });
await assertMode(checks, config.EVENT_LOG);
for (const warning of await recordZone(checks, config.TIME_ZONE))
  logger.warn(warning, 'days were counted otherwise before: run leadfold rebuild');
await ensureDefaultRulebook(checks);
await checks.end();

const projector = await createProjector(config, logger);
await projector.start();

// batches under way are committed first
started();
stopOnSignals(logger, () => projector.stop());
