import type { Server } from 'node:http';
import { createEventLog, topics, type Consumer, type ConsumerHandlers, type EventLog } from '#libs/event-log';
import { createMetrics, Progress, serveProbe, type Logger, type Pool, type Registry } from '#libs/platform';
import {
  BatchProjection,
  countSkippedLinks,
  createProjectionPool,
  partitionHandlers,
  ProjectionContext,
  Upkeep,
} from '#libs/projection';
import type { ProjectorConfig } from './projector.config.js';
import { ProjectorMetrics } from './projector-metrics.js';

export interface ProjectorParts {
  config: ProjectorConfig;
  log: Logger;
  pool: Pool;
  eventLog: EventLog;
  context: ProjectionContext;
  progress: Progress;
  metrics: Registry;
}

export async function createProjector(config: ProjectorConfig, log: Logger): Promise<Projector> {
  const pool = createProjectionPool(
    {
      url: config.DATABASE_URL,
      applicationName: 'leadfold-projector',
      // one connection per partition at work, one for upkeep, one for probes and assignments, a place more for the urgent lane
      max: config.PROJECTOR_CONCURRENCY + 3,
    },
    (error) => log.warn({ err: error }, 'idle database connection lost'),
  );
  return new Projector({
    config,
    log,
    pool,
    eventLog: createEventLog(config, log),
    context: await ProjectionContext.load(pool, config),
    progress: new Progress(log),
    metrics: createMetrics('projector'),
  });
}

/** More records than this behind, and reviews wait. */
const busyLag = 5_000;

/** Consumes both topics, the urgent one first, and keeps up what changes without an event. */
export class Projector {
  private readonly counted: ProjectorMetrics;
  private readonly upkeep: Upkeep;
  private readonly underWay = new Set<Promise<void>>();
  private consumer?: Consumer;
  private probe?: Server;
  private stopping = false;

  constructor(private readonly parts: ProjectorParts) {
    const { pool, context, log, progress } = parts;
    this.counted = new ProjectorMetrics([parts.metrics], () => countSkippedLinks(parts.pool));
    this.upkeep = new Upkeep({
      pool,
      context,
      log,
      progress,
      busy: () => this.counted.lagging() > busyLag,
      batchDone: () => (this.underWay.size > 0 ? Promise.race(this.underWay) : Promise.resolve()),
    });
  }

  async start(): Promise<void> {
    const { config, log, eventLog, progress, metrics, pool } = this.parts;
    progress.beat('log');
    progress.watch();
    this.probe = await serveProbe({
      host: config.HOST,
      port: config.PROJECTOR_PROBE_PORT,
      metrics,
      ...(config.METRICS_TOKEN ? { metricsToken: config.METRICS_TOKEN } : {}),
      checks: {
        progress: () => ({ ok: progress.healthy(), detail: progress.silentForMs() }),
        database: async () => ({ ok: (await pool.query('select 1')).rowCount === 1 }),
        partitions: () => this.stoppedPartitions(),
      },
    });
    await eventLog.prepare();
    this.consumer = await eventLog.consume(
      {
        group: 'leadfold-projector',
        topics: [topics.urgent, topics.events],
        concurrency: config.PROJECTOR_CONCURRENCY,
        maxRecords: config.PROJECTOR_BATCH,
      },
      this.handlers(),
    );
    this.consumer.ended.catch((error: unknown) => {
      if (this.stopping) return;
      log.fatal({ err: error }, 'the consumer ended: exiting to be restarted');
      process.exit(1);
    });
    this.upkeep.start();
    log.info({ concurrency: config.PROJECTOR_CONCURRENCY }, 'projector is consuming');
  }

  async stop(): Promise<void> {
    const { pool, eventLog, progress } = this.parts;
    this.stopping = true;
    progress.stop();
    await this.consumer?.stop();
    await this.upkeep.stop();
    await eventLog.close();
    this.probe?.closeAllConnections();
    this.probe?.close();
    await pool.end();
  }

  private handlers(): ConsumerHandlers {
    const { pool, context, log, progress } = this.parts;
    const batches = new BatchProjection(pool, context, log, (batch, applied, repeats) => {
      progress.beat('log');
      this.counted.applied(batch, applied, repeats);
      log.debug(
        {
          topic: batch.topic,
          partition: batch.partition,
          next: applied.next,
          ...applied.counts,
          ...applied.done,
          repeats,
        },
        'batch applied',
      );
    });
    const handlers = partitionHandlers(pool, batches, log, () => progress.beat('log'));
    return {
      ...handlers,
      batch: (batch, signal) => this.observed(batch.topic, handlers.batch(batch, signal)),
      batches: (together) => this.observed(together[0]!.topic, handlers.batches!(together)),
    };
  }

  private async observed<T>(topic: string, work: Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const ended = work.then(
      () => undefined,
      () => undefined,
    );
    this.underWay.add(ended);
    try {
      const outcome = await work;
      this.counted.observe(topic, startedAt);
      return outcome;
    } finally {
      this.underWay.delete(ended);
    }
  }

  /** A stopped partition waits for an operator: shown here, logged as ERROR; the others go on. */
  private async stoppedPartitions(): Promise<{ ok: boolean; detail: unknown }> {
    const stopped = await this.parts.pool.query<{ topic: string; partition: number; stopped: string }>(
      'select topic, partition, stopped from partition_offset where stopped is not null order by topic, partition',
    );
    return { ok: stopped.rows.length === 0, detail: stopped.rows };
  }
}
