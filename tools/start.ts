import { parseArgs } from 'node:util';
import { partLabel, type SetName } from './services/service-set.js';
import { ServiceError } from './services/index.js';
import { progressLines } from './services/progress-lines.js';
import { readableLine } from './supervisor/log-lines.js';
import { startSystem, type System } from './supervisor/system.js';

const { values } = parseArgs({
  options: { embedded: { type: 'boolean', default: false }, set: { type: 'string', default: 'dev' } },
});
const readable = process.stdout.isTTY;
const print = (name: string, line: string) => process.stdout.write(`${readable ? readableLine(name, line) : line}\n`);
const progress = progressLines();

const asked = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (!asked.signal.aborted) progress.line('leadfold', `${signal}: stopping`);
    asked.abort();
  });
}
const askedToStop = new Promise<void>((resolve) => asked.signal.addEventListener('abort', () => resolve()));

let system: System | undefined;

try {
  system = await startSystem({
    set: values.set as SetName,
    embedded: values.embedded,
    onLine: print,
    progress,
    signal: asked.signal,
  });
  const { services } = system;
  for (const { part, reason, remedy } of services.missing) {
    progress.warn(partLabel[part], `is missing (${reason}): PostgreSQL does its work (embedded mode)`);
    progress.warn('', `for the full mode: ${remedy}`);
  }
  progress.line('mode', `event log on ${services.mode.eventLog}, job queue on ${services.mode.jobQueue}`);
  progress.line('collector', system.collectorUrl);
  progress.line('api', `${system.apiUrl}/docs`);
  if (services.mailboxUrl) progress.line('mailbox', services.mailboxUrl);
  progress.line('leadfold', 'runs; Ctrl-C stops it');
  await Promise.race([system.failure, askedToStop]);
} catch (error) {
  if (!asked.signal.aborted) {
    process.stderr.write(`\n${error instanceof ServiceError ? error.message : (error as Error).stack}\n`);
    process.exitCode = 1;
  }
}
await system?.stop();
process.exit();
