import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../project.js';
import { choosePort } from './ports.js';
import { seconds, ServiceError, type ProgressLines } from './progress-lines.js';
import { readRecord, writeRecord, type Part, type ServiceSet } from './service-set.js';

const run = promisify(execFile);

/** The passwords of local containers; they listen on this machine only. */
export const composeUrls = (ports: Record<Part, number>, mailbox: number) => ({
  postgres: `postgres://leadfold:leadfold@127.0.0.1:${ports.postgres}/leadfold`,
  kafka: `127.0.0.1:${ports.kafka}`,
  redis: `redis://127.0.0.1:${ports.redis}`,
  mail: `smtp://127.0.0.1:${ports.mail}?ignoreTLS=true`,
  mailbox: `http://127.0.0.1:${mailbox}`,
});

/** An engine that answers and knows compose; a client without one is common. */
export async function dockerAnswers(): Promise<boolean> {
  try {
    await run('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 3_000 });
    await run('docker', ['compose', 'version'], { timeout: 3_000 });
    return true;
  } catch {
    return false;
  }
}

const service: Record<Part, string> = { postgres: 'postgres', kafka: 'kafka', redis: 'redis', mail: 'mail' };
const project = (set: ServiceSet) => `leadfold-${set.name}`;
const compose = (set: ServiceSet) => [
  'compose',
  '-f',
  path.join(projectRoot, 'docker-compose.yml'),
  '-p',
  project(set),
];

export async function startContainers(set: ServiceSet, wanted: Part[], progress: ProgressLines) {
  const since = performance.now();
  const known = readRecord(set, 'postgres');
  const running = await run('docker', [...compose(set), 'ps', '-q']).then(
    ({ stdout }) => stdout.trim() !== '',
    () => false,
  );
  const remembered = running ? readRecord(set, 'mail') : undefined;
  const port = async (part: Part, preferred: number, count = 1) => {
    const before = readRecord(set, part)?.port;
    return running && before ? before : choosePort(before ?? preferred, { count });
  };
  const ports: Record<Part, number> = {
    postgres: await port('postgres', set.ports.postgres),
    kafka: await port('kafka', set.ports.kafka, 2),
    redis: await port('redis', set.ports.redis),
    mail: await port('mail', set.ports.smtp),
  };
  const mailbox = remembered?.secondPort ?? (await choosePort(set.ports.mailbox));
  progress.line('Docker', `starting ${wanted.join(', ')} by compose (the first time fetches images)`);
  const env = {
    ...process.env,
    POSTGRES_PORT: String(ports.postgres),
    KAFKA_PORT: String(ports.kafka),
    REDIS_PORT: String(ports.redis),
    SMTP_PORT: String(ports.mail),
    MAILBOX_PORT: String(mailbox),
  };
  const args = [...compose(set), 'up', '-d', '--wait', ...wanted.map((part) => service[part])];
  await run('docker', args, { env, timeout: 600_000, maxBuffer: 8 << 20 }).catch((error: { stderr?: string }) => {
    throw new ServiceError(
      `docker compose failed:\n${error.stderr?.trim()}`,
      'Mend it, or set LEADFOLD_DOCKER=off to use native processes.',
    );
  });
  for (const part of wanted) {
    writeRecord(set, part, {
      ...(part === 'postgres' ? known : {}),
      port: ports[part],
      owner: null,
      ...(part === 'mail' ? { secondPort: mailbox } : {}),
    });
  }
  progress.line('Docker', `up (${seconds(since)})`);
  return composeUrls(ports, mailbox);
}

export async function stopContainers(set: ServiceSet): Promise<void> {
  await run('docker', [...compose(set), 'down'], { timeout: 120_000 });
}
