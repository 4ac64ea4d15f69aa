import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readJson, writeJson } from '../project.js';
import { ensureServices, serviceSet, ServiceError, type Services, type SetName } from '../services/index.js';
import { choosePort } from '../services/ports.js';
import { end, identify, isAlive, type ProcessId } from '../services/processes.js';
import { progressLines, type ProgressLines } from '../services/progress-lines.js';
import { AppProcess, type AppName } from './app-process.js';
import { prepareDatabase } from './prepare.js';
import { localSecrets } from './secrets.js';

export type { AppName } from './app-process.js';

export interface SystemOptions {
  set: SetName;
  embedded?: boolean;
  /** Services that the caller already has; they are his to stop. */
  services?: Services;
  apps?: AppName[];
  /** How many processes of an app; one by default. */
  instances?: Partial<Record<AppName, number>>;
  /** For every app, over the defaults and the environment. */
  env?: Record<string, string>;
  appEnv?: Partial<Record<AppName, Record<string, string>>>;
  onLine?: (name: string, line: string) => void;
  progress?: ProgressLines;
  readyWithinMs?: number;
  /** Gives up starting; what was started is stopped. */
  signal?: AbortSignal;
}

export interface System {
  collectorUrl: string;
  apiUrl: string;
  services: Services;
  /** What every app got. */
  env: Record<string, string>;
  /** By name: `collector`, `projector`, `projector-2`, … */
  apps: Map<string, AppProcess>;
  /** Rejects when an app cannot start at all. */
  readonly failure: Promise<never>;
  ready(limitMs?: number): Promise<void>;
  stop(): Promise<void>;
}

const portOf: Record<AppName, { variable: string; preferred: number }> = {
  collector: { variable: 'COLLECTOR_PORT', preferred: 24300 },
  api: { variable: 'API_PORT', preferred: 24301 },
  projector: { variable: 'PROJECTOR_PROBE_PORT', preferred: 24302 },
  worker: { variable: 'WORKER_PROBE_PORT', preferred: 24303 },
};

const noteFileOf = (set: SetName) => path.join(serviceSet(set).folder, 'apps.json');

interface Noted {
  supervisor: ProcessId;
  apps: ProcessId[];
}

/** Services, schema and the apps as own processes. Returns when every app answers that it is ready. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const set = serviceSet(options.set);
  const progress = options.progress ?? progressLines();
  const noteFile = noteFileOf(options.set);
  await clearPrevious(options.set);
  const services = await gatherServices(options, progress);
  const ownServices = options.services === undefined;
  const apps = new Map<string, AppProcess>();
  let fail!: (error: Error) => void;
  const failure = new Promise<never>((_, reject) => (fail = reject));
  failure.catch(() => undefined);

  const noted: Noted = { supervisor: (await identify(process.pid))!, apps: [] };
  writeJson(noteFile, noted);
  const events = {
    line: options.onLine ?? (() => undefined),
    started: (_name: string, pid: number) => {
      void identify(pid).then((id) => {
        if (id) noted.apps.push(id);
        writeJson(noteFile, noted);
      });
    },
    restarting: (name: string, how: string, afterMs: number) =>
      progress.warn(name, `ended (${how}); starts again in ${afterMs} ms`),
    failed: (name: string, how: string, lines: string[]) =>
      fail(
        new ServiceError(
          `${name} cannot start (${how}). Its last words:\n${lines.join('\n')}`,
          'Mend what it says and start again.',
        ),
      ),
  };

  const stopApps = async () => {
    const of = (...names: AppName[]) => [...apps.values()].filter((app) => names.includes(app.spec.app));
    const stopAll = (list: AppProcess[], boundMs: number) =>
      Promise.all(
        list.map(async (app) => {
          if (!(await app.stop(boundMs)))
            progress.warn(app.spec.name, `did not end within ${boundMs / 1000} s and was killed`);
        }),
      );
    // what takes in goes first, so that the rest can finish
    await stopAll(of('collector', 'api'), 15_000);
    await stopAll(of('projector', 'worker'), 20_000);
  };
  const stop = async () => {
    await stopApps();
    writeJson(noteFile, { ...noted, apps: [] });
    if (ownServices) await services.stop();
  };

  try {
    options.signal?.throwIfAborted();
    const env = await appEnvironment(options, services, progress);
    for (const app of options.apps ?? (['collector', 'projector', 'worker', 'api'] as const)) {
      for (let i = 1; i <= (options.instances?.[app] ?? 1); i++) {
        const { variable, preferred } = portOf[app];
        const name = i === 1 ? app : `${app}-${i}`;
        const asked = i === 1 ? (options.env?.[variable] ?? process.env[variable]) : undefined;
        const port = asked ? Number(asked) : await choosePort(preferred + set.appShift + (i - 1) * 10);
        const own = { ...env, ...options.appEnv?.[app], [variable]: String(port) };
        apps.set(name, new AppProcess({ name, app, port, env: own }, process.env, events));
        if (i === 1) env[variable] = String(port);
      }
    }
    const collectorUrl = apps.get('collector')?.url ?? '';
    const apiUrl = apps.get('api')?.url ?? '';
    const urls = publicUrls(env, collectorUrl, apiUrl);
    for (const app of apps.values()) Object.assign(app.spec.env, { ...urls, ...app.spec.env });
    Object.assign(env, { ...urls, ...env });
    for (const app of apps.values()) app.start();
    const ready = (limitMs = 60_000) => Promise.race([failure, allReady([...apps.values()], limitMs, options.signal)]);
    await ready(options.readyWithinMs);
    return { collectorUrl, apiUrl, services, env, apps, failure, ready, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function allReady(apps: AppProcess[], limitMs: number, signal?: AbortSignal): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    signal?.throwIfAborted();
    const waiting: string[] = [];
    for (const app of apps) if (!(await app.isReady())) waiting.push(app.spec.name);
    if (!waiting.length) return;
    if (performance.now() > deadline) {
      throw new ServiceError(
        `Not ready after ${limitMs / 1000} s: ${waiting.join(', ')}.`,
        'LOG_LEVEL=debug shows more; see also `npm run services -- status`.',
      );
    }
    await sleep(50);
  }
}

/** Two supervisors on one set would fight; the apps of one that was killed are ended. */
export async function clearPrevious(set: SetName): Promise<void> {
  const before = readJson<Noted>(noteFileOf(set));
  if (!before) return;
  if (before.supervisor.pid !== process.pid && (await isAlive(before.supervisor))) {
    throw new ServiceError(
      `The system of set "${set}" is already running (process ${before.supervisor.pid}).`,
      `Stop it first: kill ${before.supervisor.pid}`,
    );
  }
  if (before.supervisor.pid !== process.pid) await Promise.all(before.apps.map((app) => end(app, 5_000)));
}

async function gatherServices(options: SystemOptions, progress: ProgressLines): Promise<Services> {
  if (options.services) return options.services;
  const { chooseServices } = await import('./mode.js');
  return chooseServices({ set: options.set, embedded: options.embedded, progress }, ensureServices);
}

async function appEnvironment(
  options: SystemOptions,
  services: Services,
  progress: ProgressLines,
): Promise<Record<string, string>> {
  await prepareDatabase(services, progress);
  return {
    HOST: '127.0.0.1',
    DATABASE_URL: services.databaseUrl,
    EVENT_LOG: services.mode.eventLog,
    JOB_QUEUE: services.mode.jobQueue,
    ...(services.kafkaBrokers ? { KAFKA_BROKERS: services.kafkaBrokers } : {}),
    ...(services.redisUrl ? { REDIS_URL: services.redisUrl } : {}),
    SMTP_URL: services.smtpUrl,
    // without a default in production: mails name who sends them
    MAIL_FROM: process.env['MAIL_FROM'] ?? 'marketing@example.com',
    SENDER_ADDRESS: process.env['SENDER_ADDRESS'] ?? '1-2-3 Local Start, Tokyo',
    SITE_URL: process.env['SITE_URL'] ?? 'https://www.example.com',
    ...localSecrets(),
    ...options.env,
  };
}

/** Where the outside world reaches the two that serve it; links in mails are made of these. */
function publicUrls(env: Record<string, string>, collectorUrl: string, apiUrl: string): Record<string, string> {
  const given = (name: string, fallback: string) => env[name] ?? process.env[name] ?? fallback;
  return {
    PUBLIC_COLLECTOR_URL: given('PUBLIC_COLLECTOR_URL', collectorUrl),
    PUBLIC_API_URL: given('PUBLIC_API_URL', apiUrl),
  };
}
