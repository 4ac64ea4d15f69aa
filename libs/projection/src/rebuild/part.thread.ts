import { parentPort, workerData } from 'node:worker_threads';
import { makeZone } from '#libs/leads/domain';
import { createPool } from '#libs/platform';
import { ProjectionContext } from '../projection-context.js';
import { runPart } from './run-part.js';
import type { ThreadTask } from './part-threads.js';

const { url, zone, settings, ...task } = workerData as ThreadTask;
const pool = createPool(
  { url, applicationName: 'leadfold-rebuild', max: 2, statementTimeoutMs: 0, idleInTransactionTimeoutMs: 0 },
  () => undefined,
);
let stopped = false;
parentPort!.on('message', () => (stopped = true));
try {
  await runPart(pool, new ProjectionContext(makeZone(zone), settings), task, {
    onProgress: (done) => parentPort!.postMessage(done),
    stopped: () => stopped,
  });
} finally {
  await pool.end();
  parentPort!.close();
}
