import { Module, type DynamicModule, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Server } from 'node:http';
import { createEventLog, type EventLog } from '#libs/event-log';
import { HandOut } from '#libs/delivery';
import { AlertReactor, alertReader, listenForCrossings } from '#libs/handoff';
import { createJobQueue, type JobQueue } from '#libs/job-queue';
import { createNurture, ensureDefaultScenarios, judgeByRulebook, type Nurture } from '#libs/nurture';
import { createMetrics, createPool, Progress, serveProbe, type Logger, type Pool } from '#libs/platform';
import { ensureDefaultRulebook, organisationZone } from '#libs/projection';
import { Act } from './act.js';
import { pinned, prepared } from './prepared-pool.js';
import type { WorkerConfig } from './worker.config.js';

type Metrics = ReturnType<typeof createMetrics>;

/** Starts acting when everything is wired, and stops in the reverse order. */
export class Worker implements OnApplicationBootstrap, OnApplicationShutdown {
  private probe?: Server;

  constructor(
    private readonly parts: {
      config: WorkerConfig;
      log: Logger;
      pool: Pool;
      eventLog: EventLog;
      queue: JobQueue;
      progress: Progress;
      act: Act;
      metrics: Metrics;
      nurture: Nurture;
    },
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { config, log, pool, eventLog, progress, act, metrics, nurture } = this.parts;
    await eventLog.prepare();
    await ensureDefaultRulebook(pool);
    await ensureDefaultScenarios(pool);
    await listenForCrossings(pool, config);
    await act.start();
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

  async onApplicationShutdown(): Promise<void> {
    const { pool, eventLog, queue, progress, act, nurture } = this.parts;
    progress.stop();
    // mails under way still need their renderer, which nurture closes
    await act.stop();
    await nurture.stop();
    await queue.close();
    await eventLog.close();
    this.probe?.closeAllConnections();
    this.probe?.close();
    await pool.end();
  }
}

@Module({})
export class WorkerModule {
  static of(config: WorkerConfig, log: Logger): DynamicModule {
    return {
      module: WorkerModule,
      providers: [
        {
          provide: 'pool',
          useFactory: () =>
            prepared(
              createPool(
                { url: pinned(config.DATABASE_URL), applicationName: 'leadfold-worker', max: 8, pipelined: true },
                (error) => log.warn({ err: error }, 'idle database connection lost'),
              ),
            ),
        },
        { provide: 'event-log', useFactory: () => createEventLog(config, log) },
        { provide: 'queue', useFactory: () => createJobQueue(config, log) },
        { provide: 'metrics', useFactory: () => createMetrics('worker') },
        { provide: HandOut, inject: ['queue'], useFactory: (queue: JobQueue) => new HandOut(queue, log) },
        { provide: Progress, useFactory: () => new Progress(log) },
        {
          provide: 'nurture',
          inject: ['pool', 'event-log', 'queue', HandOut, Progress],
          useFactory: async (pool: Pool, eventLog: EventLog, queue: JobQueue, handOut: HandOut, progress: Progress) => {
            const TIME_ZONE = config.TIME_ZONE ?? (await organisationZone(pool)).name;
            return createNurture({
              pool,
              eventLog,
              queue,
              config: { ...config, TIME_ZONE },
              log,
              handOut,
              judge: judgeByRulebook,
              progress,
            });
          },
        },
        {
          provide: Act,
          inject: ['pool', 'event-log', 'queue', 'metrics', Progress, HandOut, 'nurture'],
          useFactory: (
            pool: Pool,
            eventLog: EventLog,
            queue: JobQueue,
            metrics: Metrics,
            progress: Progress,
            handOut: HandOut,
            nurture: Nurture,
          ) => {
            const alerts = new AlertReactor(
              config,
              alertReader({ locale: config.ALERT_LOCALE, apiUrl: config.PUBLIC_API_URL }),
            );
            const { mailPolicy } = nurture;
            return new Act({
              config,
              pool,
              log,
              eventLog,
              queue,
              progress,
              metrics,
              handOut,
              handlers: [alerts, ...nurture.handlers],
              mailPolicy,
            });
          },
        },
        {
          provide: Worker,
          inject: ['pool', 'event-log', 'queue', 'metrics', Progress, Act, 'nurture'],
          useFactory: (
            pool: Pool,
            eventLog: EventLog,
            queue: JobQueue,
            metrics: Metrics,
            progress: Progress,
            act: Act,
            nurture: Nurture,
          ) => new Worker({ config, log, pool, eventLog, queue, progress, act, metrics, nurture }),
        },
      ],
    };
  }
}
