import { migrations } from '#migrations';
import { migrate } from '#libs/platform';
import type { Services } from '../services/index.js';
import { seconds, type ProgressLines } from '../services/progress-lines.js';
import { recordMode } from './mode.js';

/** Schema up to date, mode recorded. */
export async function prepareDatabase(services: Services, progress: ProgressLines): Promise<void> {
  const since = performance.now();
  const ran = await migrate(services.databaseUrl, migrations);
  if (ran.length) progress.line('schema', `${ran.length} migration${ran.length > 1 ? 's' : ''} (${seconds(since)})`);
  await recordMode(services.databaseUrl, services.mode);
}
