import path from 'node:path';
import { parseArgs } from 'node:util';
import { installInCi } from './checks/ci-packages.js';
import { gates, runGate } from './checks/gates.js';
import { needsOf, suitesOf } from './checks/needs.js';
import { runSuites } from './checks/suites.js';
import { projectRoot } from './project.js';
import { ensureServices, remedyFor, resetServices, ServiceError, type Services } from './services/index.js';
import { progressLines, seconds } from './services/progress-lines.js';

// npm test [-- [--unit] [--no-gates] [path …]]
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { unit: { type: 'boolean', default: false }, 'no-gates': { type: 'boolean', default: false } },
});
const inCi = process.env['CI'] === 'true';
const filtered = positionals.length > 0;
const progress = progressLines();
const since = performance.now();
const asked = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => asked.abort());

let passed = 0;
let failed = 0;
const summary: string[] = [];
const note = (ok: number, notOk: number, line: string) => {
  passed += ok;
  failed += notOk;
  summary.push(`  ${notOk ? 'FAILED' : 'ok    '} ${line}`);
};

const kinds = values.unit ? ['spec'] : ['spec', 'int-spec', 'e2e-spec'];
const labels: Record<string, string> = { spec: 'unit', 'int-spec': 'integration', 'e2e-spec': 'end to end' };
const wanted = new Map(
  kinds.map((kind) => [
    kind,
    suitesOf(kind).filter(
      (file) => !filtered || positionals.some((part) => path.relative(projectRoot, file).includes(part)),
    ),
  ]),
);
const needsServices = [...wanted].some(([kind, files]) => kind !== 'spec' && files.length > 0);

let services: Services | undefined;
const leftOut: string[] = [];
try {
  if (!values['no-gates'] && !filtered && !values.unit) {
    for (const gate of gates) {
      if (asked.signal.aborted) break;
      const result = await runGate(gate);
      progress.line('check', `${gate.name}: ${result.passed ? 'ok' : 'FAILED'} (${result.seconds.toFixed(1)} s)`);
      if (!result.passed) process.stderr.write(`${result.output}\n  → ${gate.remedy}\n`);
      note(result.passed ? 1 : 0, result.passed ? 0 : 1, gate.name);
    }
  }
  await runKind('spec', process.env, 2);
  if (needsServices && !asked.signal.aborted) {
    await installInCi(progress);
    services = await ensureServices({ set: 'test', requireAll: inCi, progress });
    const env = {
      ...process.env,
      TEST_DATABASE_URL: services.databaseUrl,
      TEST_KAFKA_BROKERS: services.kafkaBrokers,
      TEST_REDIS_URL: services.redisUrl,
      TEST_SMTP_URL: services.smtpUrl,
      TEST_MAILBOX_URL: services.mailboxUrl,
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn',
    };
    await runKind('int-spec', env, 2);
    await runKind('e2e-spec', env, 1);
  }
} catch (error) {
  process.stderr.write(`\n${error instanceof ServiceError ? error.message : (error as Error).stack}\n`);
  note(0, 1, error instanceof ServiceError ? 'local services' : 'the test run itself');
} finally {
  if (services) {
    await services.stop();
    if (services.origins.postgres === 'native') await resetServices('test');
  }
}

if (filtered && passed + failed === 0) note(0, 1, `no suite matches ${positionals.join(', ')}`);
if (asked.signal.aborted) note(0, 1, 'stopped by a signal');
process.stdout.write(`\n${summary.join('\n')}\n  took   ${seconds(since)}\n`);
if (leftOut.length) {
  process.stdout.write(
    `\n  LEFT OUT, because a real part is missing here:\n${leftOut.map((line) => `    ${line}\n`).join('')}`,
  );
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exit(failed || passed === 0 ? 1 : 0);

async function runKind(kind: string, env: NodeJS.ProcessEnv, workers: number): Promise<void> {
  const files = (wanted.get(kind) ?? []).filter((file) => canRun(file));
  if (!files.length || asked.signal.aborted) return;
  progress.line('tests', `${labels[kind]}: ${files.length} suites`);
  const run = await runSuites(kind, files, { workers, env, signal: asked.signal });
  note(
    run.passed,
    run.failed,
    `${labels[kind]} tests: ${run.passed} passed, ${run.failed} failed (${run.seconds.toFixed(1)} s)`,
  );
}

function canRun(file: string): boolean {
  const missing = services?.missing.find(
    ({ part }) => (part === 'kafka' || part === 'redis') && needsOf(file).has(part),
  );
  if (!missing) return true;
  leftOut.push(`${path.relative(projectRoot, file)}: ${missing.reason}. To run it: ${remedyFor(missing.part)}`);
  return false;
}
