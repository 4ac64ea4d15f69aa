import fs from 'node:fs';
import path from 'node:path';
import { dockerAnswers, startContainers, stopContainers } from './docker.js';
import { checkKafka } from './kafka-health.js';
import { kafkaMissing, redisMissing } from './kafka-programs.js';
import { kafkaBrokers, startKafka, stopKafka } from './kafka.js';
import { withLock } from './lock.js';
import { checkSmtp, mailboxUrl, smtpUrl, startMail, stopMail } from './mail.js';
import { checkPostgres, postgresUrl, startPostgres, stopPostgres } from './postgres.js';
import { removeDataFolder } from './postgres-programs.js';
import { identify, isAlive, type ProcessId } from './processes.js';
import { progressLines, seconds, ServiceError, type ProgressLines } from './progress-lines.js';
import { checkRedis, redisUrl, startRedis, stopRedis } from './redis.js';
import {
  logFile,
  partLabel,
  parts,
  readRecord,
  serviceSet,
  writeRecord,
  type Part,
  type PartRecord,
  type ServiceSet,
  type SetName,
} from './service-set.js';

export { ServiceError } from './progress-lines.js';
export { serviceSet, type Part, type SetName } from './service-set.js';

export interface ServiceOptions {
  set: SetName;
  /** Default: all four. */
  parts?: Part[];
  /** No Kafka and no Redis even where they could run. */
  embedded?: boolean;
  /** Stay up until `services down` instead of ending with the caller's `stop()`. */
  keep?: boolean;
  /** A missing Kafka or Redis is a failure instead of the embedded mode. */
  requireAll?: boolean;
  progress?: ProgressLines;
}

export type Origin = 'environment' | 'docker' | 'native';

export interface Services {
  databaseUrl: string;
  kafkaBrokers?: string;
  redisUrl?: string;
  smtpUrl: string;
  /** Absent when SMTP is somebody's real server. */
  mailboxUrl?: string;
  mode: { eventLog: 'kafka' | 'postgres'; jobQueue: 'redis' | 'postgres' };
  origins: Partial<Record<Part, Origin>>;
  /** Parts that cannot run here, and the line that would change that. */
  missing: { part: Part; reason: string; remedy: string }[];
  /** Ends what this call started, nothing else. */
  stop(): Promise<void>;
}

const variable: Record<Part, string> = {
  postgres: 'DATABASE_URL',
  kafka: 'KAFKA_BROKERS',
  redis: 'REDIS_URL',
  mail: 'SMTP_URL',
};

const aptPackage: Partial<Record<Part, string>> = { kafka: 'default-jre-headless maven', redis: 'redis-server' };
const brewPackage: Partial<Record<Part, string>> = { kafka: 'openjdk maven', redis: 'redis' };
export const remedyFor = (part: Part): string =>
  process.platform === 'darwin' ? `brew install ${brewPackage[part]}` : `sudo apt-get install -y ${aptPackage[part]}`;

const addressOf: Record<Part, (record: PartRecord) => string> = {
  postgres: postgresUrl,
  kafka: kafkaBrokers,
  redis: redisUrl,
  mail: smtpUrl,
};
const check: Record<Part, (address: string) => Promise<void>> = {
  postgres: checkPostgres,
  kafka: checkKafka,
  redis: checkRedis,
  mail: checkSmtp,
};

/** Finds or starts what a set needs: the environment's address, else Docker, else native. Every part is checked for real. */
export async function ensureServices(options: ServiceOptions): Promise<Services> {
  const set = serviceSet(options.set);
  const progress = options.progress ?? progressLines();
  fs.mkdirSync(set.folder, { recursive: true });
  const waiting = (pid: number) => progress.line('services', `waiting for process ${pid}, which starts or stops them`);
  return withLock(path.join(set.folder, 'lock'), waiting, () => ensureLocked(set, options, progress));
}

async function ensureLocked(set: ServiceSet, options: ServiceOptions, progress: ProgressLines): Promise<Services> {
  const wanted = (options.parts ?? parts).filter((part) => !options.embedded || part === 'postgres' || part === 'mail');
  const addresses: Partial<Record<Part, string>> = {};
  const origins: Partial<Record<Part, Origin>> = {};
  const missing: Services['missing'] = [];
  const started: Part[] = [];
  let mailbox: string | undefined;

  for (const part of wanted) {
    const given = set.environmentPrefix === null ? undefined : process.env[set.environmentPrefix + variable[part]];
    if (given) [addresses[part], origins[part]] = [given, 'environment'];
  }
  const rest = () => wanted.filter((part) => !addresses[part]);
  if (rest().length && set.docker && process.env['LEADFOLD_DOCKER'] !== 'off' && (await dockerAnswers())) {
    const urls = await startContainers(set, rest(), progress);
    if (rest().includes('mail')) mailbox = urls.mailbox;
    for (const part of rest()) [addresses[part], origins[part]] = [urls[part], 'docker'];
  }

  const me = options.keep ? null : ((await identify(process.pid)) ?? null);
  const results = await Promise.allSettled(
    rest().map(async (part) => {
      const since = performance.now();
      const reason = part === 'kafka' ? await kafkaMissing() : part === 'redis' ? await redisMissing() : undefined;
      if (reason) return void missing.push({ part, reason, remedy: remedyFor(part) });
      const before = readRecord(set, part);
      const record = await startNative(set, part, progress);
      // somebody alive answers for it; else this call does, and ends it
      const inherited = before && record.process?.pid === before.process?.pid ? before.owner : undefined;
      const answered = inherited === null || (inherited !== undefined && (await isAlive(inherited)));
      const owner = answered && !(options.keep && inherited) ? inherited! : me;
      writeRecord(set, part, { ...record, owner });
      if (owner?.pid === me?.pid && me) started.push(part);
      addresses[part] = addressOf[part](record);
      origins[part] = 'native';
      if (part === 'mail') mailbox = mailboxUrl(record);
      await checked(
        part,
        addresses[part]!,
        `${answered ? 'running' : 'ready'} on 127.0.0.1:${record.port}`,
        progress,
        since,
      );
    }),
  );
  const failed = results.find((result) => result.status === 'rejected');
  const stop = () => (me ? stopParts(set, started, me) : Promise.resolve());
  try {
    if (failed) throw failed.reason;
    for (const part of wanted.filter((part) => origins[part] && origins[part] !== 'native')) {
      await checked(
        part,
        addresses[part]!,
        `from ${origins[part] === 'docker' ? 'Docker' : 'the environment'}`,
        progress,
        performance.now(),
      );
    }
    if (options.requireAll && missing.length) {
      throw new ServiceError(
        missing.map((m) => `${partLabel[m.part]} cannot run: ${m.reason}`).join('\n'),
        missing.map((m) => m.remedy).join('; '),
      );
    }
  } catch (error) {
    if (!options.keep) await stop();
    throw error;
  }
  return {
    databaseUrl: addresses.postgres ?? '',
    kafkaBrokers: addresses.kafka,
    redisUrl: addresses.redis,
    smtpUrl: addresses.mail ?? '',
    mailboxUrl: mailbox,
    mode: { eventLog: addresses.kafka ? 'kafka' : 'postgres', jobQueue: addresses.redis ? 'redis' : 'postgres' },
    origins,
    missing,
    stop,
  };
}

async function checked(
  part: Part,
  address: string,
  text: string,
  progress: ProgressLines,
  since: number,
): Promise<void> {
  try {
    await check[part](address);
  } catch (error) {
    throw new ServiceError(
      `${partLabel[part]} (${text}) is not healthy: ${(error as Error).message}`,
      `Mend it, or unset ${variable[part]} to use a local one.`,
    );
  }
  progress.line(partLabel[part], `${text} (${seconds(since)})`);
}

export function startNative(set: ServiceSet, part: Part, progress: ProgressLines): Promise<PartRecord> {
  if (part === 'postgres') return startPostgres(set, progress);
  if (part === 'kafka') return startKafka(set, progress);
  return part === 'redis' ? startRedis(set) : startMail(set);
}

/** With `owner`: only what is still his; `services up` may have taken it over meanwhile. */
async function stopParts(set: ServiceSet, which: Part[], owner?: ProcessId): Promise<void> {
  const stops: Record<Part, (record: PartRecord) => Promise<void>> = {
    postgres: stopPostgres,
    kafka: stopKafka,
    redis: stopRedis,
    mail: stopMail,
  };
  await Promise.all(
    which.map(async (part) => {
      const record = readRecord(set, part);
      if (record && (!owner || record.owner?.pid === owner.pid)) await stops[part](record);
    }),
  );
}

/** `services down`: everything native of this set, whoever started it, and its containers. */
export async function stopServices(name: SetName): Promise<void> {
  const set = serviceSet(name);
  if (!fs.existsSync(set.folder)) return;
  await withLock(
    path.join(set.folder, 'lock'),
    () => undefined,
    () => stopParts(set, parts),
  );
  if (set.docker && process.env['LEADFOLD_DOCKER'] !== 'off' && (await dockerAnswers())) await stopContainers(set);
}

/** Stopped, and all data gone; the remembered ports stay. */
export async function resetServices(name: SetName): Promise<void> {
  const set = serviceSet(name);
  await stopServices(name);
  for (const part of parts) {
    const record = readRecord(set, part);
    fs.rmSync(path.join(set.folder, part), { recursive: true, force: true });
    fs.rmSync(logFile(set, part), { force: true });
    if (!record) continue;
    if (record.folder) removeDataFolder(record.folder);
    const { port, secondPort } = record;
    writeRecord(set, part, { port, secondPort });
  }
}

export interface PartStatus {
  part: Part;
  address?: string;
  healthy: boolean;
  detail: string;
}

export async function serviceStatus(name: SetName): Promise<PartStatus[]> {
  const set = serviceSet(name);
  return Promise.all(
    parts.map(async (part) => {
      const given = set.environmentPrefix === null ? undefined : process.env[set.environmentPrefix + variable[part]];
      const record = readRecord(set, part);
      const address = given ?? (record && addressOf[part](record));
      if (!address) return { part, healthy: false, detail: 'never started' };
      const limited = part === 'kafka' ? checkKafka(address, 3_000) : check[part](address);
      return limited.then(
        () => ({
          part,
          address,
          healthy: true,
          detail: given ? 'from the environment' : record?.process ? `pid ${record.process.pid}` : 'healthy',
        }),
        (error: Error) => ({ part, address, healthy: false, detail: error.message || 'does not answer' }),
      );
    }),
  );
}
