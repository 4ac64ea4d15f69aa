import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { localFolder, projectRoot, readJson } from '../project.js';

export interface SuiteRun {
  kind: string;
  passed: number;
  failed: number;
  seconds: number;
}

interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numRuntimeErrorTestSuites: number;
}

/** A skipped test counts as failed: suites are left out here, by name and reason, or not at all. */
export async function runSuites(
  kind: string,
  files: string[],
  options: { workers: number; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<SuiteRun> {
  const since = performance.now();
  const report = path.join(localFolder, 'test', `jest-${kind}-${process.pid}.json`);
  fs.mkdirSync(path.dirname(report), { recursive: true });
  const args = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    path.join(projectRoot, 'node_modules', 'jest', 'bin', 'jest.js'),
    `--maxWorkers=${options.workers}`,
    ...['--json', `--outputFile=${report}`, '--runTestsByPath', ...files],
  ];
  const code = await new Promise<number | null>((resolve, reject) => {
    // --json prints the report on stdout as well; people read stderr
    const child = spawn(process.execPath, args, {
      cwd: projectRoot,
      env: options.env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const stop = () => child.kill('SIGTERM');
    options.signal.addEventListener('abort', stop, { once: true });
    child.once('error', reject);
    child.once('close', (exitCode) => {
      options.signal.removeEventListener('abort', stop);
      resolve(exitCode);
    });
  });
  const result = readJson<JestReport>(report);
  fs.rmSync(report, { force: true });
  const failed = result ? result.numFailedTests + result.numRuntimeErrorTestSuites + result.numPendingTests : 1;
  return {
    kind,
    passed: result?.numPassedTests ?? 0,
    failed: failed || (code === 0 ? 0 : 1),
    seconds: (performance.now() - since) / 1000,
  };
}
