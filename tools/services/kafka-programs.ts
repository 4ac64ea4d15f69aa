import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { localFolder, projectRoot } from '../project.js';
import { withLock } from './lock.js';
import { ServiceError, seconds, type ProgressLines } from './progress-lines.js';

const run = promisify(execFile);
const pom = path.join(projectRoot, 'tools/services/kafka/pom.xml');

const answers = (command: string, args: string[]) =>
  run(command, args, { timeout: 20_000, env: process.env }).then(
    ({ stdout, stderr }) => stdout + stderr,
    () => undefined,
  );

/** Why Kafka cannot run here; undefined when it can. */
export async function kafkaMissing(): Promise<string | undefined> {
  const [java, maven] = await Promise.all([
    answers('java', ['-version']),
    jarsReady() ? 'not needed' : answers('mvn', ['-version']),
  ]);
  const version = Number(/version "(\d+)/.exec(java ?? '')?.[1]);
  if (!java) return 'java is not on the PATH';
  if (version < 17) return `java is version ${version}, Kafka needs 17`;
  return maven ? undefined : 'mvn (Maven, which fetches the Kafka jars) is not on the PATH';
}

export async function redisMissing(): Promise<string | undefined> {
  return (await answers('redis-server', ['--version'])) ? undefined : 'redis-server is not on the PATH';
}

function libsFolder(): string {
  const version = createHash('sha256').update(fs.readFileSync(pom)).digest('hex').slice(0, 8);
  return path.join(localFolder, 'kafka', `libs-${version}`);
}

const jarsReady = () => fs.existsSync(libsFolder());

/** The class path of the broker; the jars are fetched once and shared by all sets. */
export async function kafkaClassPath(progress: ProgressLines): Promise<string> {
  const libs = libsFolder();
  await withLock(
    path.join(localFolder, 'kafka', 'lock'),
    (pid) => progress.line('Kafka', `waiting for process ${pid}, which fetches the jars`),
    async () => {
      if (jarsReady()) return;
      const since = performance.now();
      progress.line('Kafka', 'fetching 44 MB of jars by Maven (once)');
      const draft = `${libs}.new`;
      fs.rmSync(draft, { recursive: true, force: true });
      const args = [
        '-q',
        '-B',
        '-f',
        pom,
        'dependency:copy-dependencies',
        `-DoutputDirectory=${draft}`,
        '-DincludeScope=runtime',
      ];
      await run('mvn', args, { maxBuffer: 8 << 20 }).catch((error: { stdout?: string; stderr?: string }) => {
        const said = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim().split('\n').slice(0, 8).join('\n');
        throw new ServiceError(
          `Maven could not fetch Kafka:\n${said}`,
          'Check the network and ~/.m2/settings.xml, set KAFKA_BROKERS, or use --embedded.',
        );
      });
      fs.renameSync(draft, libs);
      progress.line('Kafka', `jars fetched (${seconds(since)})`);
    },
  );
  return path.join(libs, '*');
}
