import type { Server } from 'node:http';
import { createEventLog, type EventLog } from '#libs/event-log';
import { HandOut } from '#libs/delivery';
import { AlertReactor, alertReader, listenForCrossings } from '#libs/handoff';
import { createJobQueue, type JobQueue } from '#libs/job-queue';
import { createNurture, ensureDefaultScenarios, judgeByRulebook, type Nurture } from '#libs/nurture';
import { createMetrics, createPool, Progress, serveProbe, type Logger, type Pool, type Registry } from '#libs/platform';
import { ensureDefaultRulebook, organisationZone } from '#libs/projection';
import { Act } from './act.js';
import { pinned, prepared } from './prepared-pool.js';
import type { WorkerConfig } from './worker.config.js';

interface WorkerParts {
  config: WorkerConfig;
  log: Logger;
  pool: Pool;
  eventLog: EventLog;
  queue: JobQueue;
  progress: Progress;
  metrics: Registry;
  handOut: HandOut;
  nurture: Nurture;
}

/** Everything that acts, wired; it begins with `start`. */
export async function createWorker(config: WorkerConfig, log: Logger): Promise<Worker> {
  const pool = prepared(
    createPool(
      { url: pinned(config.DATABASE_URL), applicationName: 'leadfold-worker', max: 8, pipelined: true },
      (error) => log.warn({ err: error }, 'idle database connection lost'),
    ),
  );
  const eventLog = createEventLog(config, log);
  const queue = createJobQueue(config, log);
  const handOut = new HandOut(queue, log);
  const progress = new Progress(log);
  const TIME_ZONE = config.TIME_ZONE ?? (await organisationZone(pool)).name;
  const nurture = createNurture({
    pool,
    eventLog,
    queue,
    config: { ...config, TIME_ZONE },
    log,
    handOut,
    judge: judgeByRulebook,
    progress,
  });
  return new Worker({
    config,
    log,
    pool,
    eventLog,
    queue,
    progress,
    metrics: createMetrics('worker'),
    handOut,
    nurture,
  });
}

/** Starts acting when everything is wired, and stops in the reverse order. */
export class Worker {
  /** From the first moment at which something may be sent. */
  acts = false;
  private readonly act: Act;
  private probe?: Server;

  constructor(private readonly parts: WorkerParts) {
    const { config, nurture } = parts;
    const alerts = new AlertReactor(
      config,
      alertReader({ locale: config.ALERT_LOCALE, apiUrl: config.PUBLIC_API_URL }),
    );
    this.act = new Act({ ...parts, handlers: [alerts, ...nurture.handlers], mailPolicy: nurture.mailPolicy });
  }

  async start(): Promise<void> {
    const { config, log, pool, eventLog, progress, metrics, nurture } = this.parts;
    await eventLog.prepare();
    await ensureDefaultRulebook(pool);
    await ensureDefaultScenarios(pool);
    await listenForCrossings(pool, config);
    this.acts = true;
    await this.act.start();
    await nurture.start();
    progress.watch();
    this.probe = await serveProbe({
      host: config.HOST,
      port: config.WORKER_PROBE_PORT,
      metrics,
      ...(config.METRICS_TOKEN ? { metricsToken: config.METRICS_TOKEN } : {}),
      checks: {
        progress: () => ({ ok: progress.healthy(), detail: progress.silentForMs() }),
        database: async () => ({ ok: (await pool.query('select 1')).rowCount === 1 }),
      },
    });
    log.info({ port: config.WORKER_PROBE_PORT }, 'worker is acting');
  }

  async stop(): Promise<void> {
    const { pool, eventLog, queue, progress, nurture } = this.parts;
    progress.stop();
    // mails under way still need their renderer, which nurture closes
    await this.act.stop();
    await nurture.stop();
    await queue.close();
    await eventLog.close();
    this.probe?.closeAllConnections();
    this.probe?.close();
    await pool.end();
  }
}
