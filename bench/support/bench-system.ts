import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { createEventLog, eventLogConfig, type EventLog } from '#libs/event-log';
import { createLogger, createPool, newId, parseConfig, type Pool } from '#libs/platform';
import { createSource, createWriteKey } from '#libs/sources';
import { startSystem, type AppName, type System, type SystemOptions } from '#tools/supervisor/system';
import { prepareDatabase } from '#tools/supervisor/prepare';
import { progressLines } from '#tools/services/progress-lines';
import { redisCall } from '#tools/services/redis';
import type { Bench } from './row.js';

export const sourceId = 'bench';

/** A database, topics and queue names of one row's own, gone at its end. */
export interface Place {
  databaseUrl: string;
  pool: Pool;
  eventLog: EventLog;
  topicPrefix: string;
  env: Record<string, string>;
  writeKey: string;
  /** Starts apps on this place; the caller stops them. */
  start(options: Pick<SystemOptions, 'apps' | 'instances' | 'appEnv' | 'env'>): Promise<System>;
  end(): Promise<void>;
}

export const quiet = createLogger('bench', 'silent');

export async function makePlace(bench: Bench, more: { topicPrefix?: string } = {}): Promise<Place> {
  const name = `bench_${newId().replaceAll('-', '')}`;
  const { services } = bench;
  await onServer(services.databaseUrl, `create database ${name}`);
  const url = new URL(services.databaseUrl);
  url.pathname = `/${name}`;
  const databaseUrl = url.href;
  const own = { ...services, databaseUrl };
  const silent = { ...progressLines(), line: () => undefined };
  await prepareDatabase(own, silent);
  const pool = createPool(
    {
      url: databaseUrl,
      applicationName: 'leadfold-bench',
      max: 4,
      statementTimeoutMs: 0,
      idleInTransactionTimeoutMs: 0,
    },
    () => undefined,
  );
  const topicPrefix = more.topicPrefix ?? `${name}.`;
  const env = {
    KAFKA_TOPIC_PREFIX: topicPrefix,
    JOB_QUEUE_PREFIX: name,
    LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn',
    OUTBOUND_ALLOW: '127.0.0.0/8',
  };
  const logConfig = parseConfig(eventLogConfig, {
    EVENT_LOG: services.mode.eventLog,
    KAFKA_BROKERS: services.kafkaBrokers,
    ...env,
  });
  const eventLog = createEventLog({ ...logConfig, DATABASE_URL: databaseUrl }, quiet);
  await eventLog.prepare();
  await createSource(pool, { id: sourceId, name: 'Bench', actor: 'bench' });
  const { key: writeKey } = await createWriteKey(pool, { source: sourceId, actor: 'bench' });
  const onLine = (app: string, line: string) => void process.stderr.write(`    ${app}: ${line.slice(0, 600)}\n`);
  return {
    databaseUrl,
    pool,
    eventLog,
    topicPrefix,
    env,
    writeKey,
    start: (options) =>
      startSystem({
        ...options,
        set: 'bench',
        services: own,
        progress: silent,
        onLine,
        env: { ...env, ...options.env },
      }),
    end: async () => {
      await eventLog.close();
      await pool.end();
      await onServer(services.databaseUrl, `drop database if exists ${name} with (force)`);
      if (!more.topicPrefix) await deleteTopics(services.kafkaBrokers!, topicPrefix);
      if (services.redisUrl) await redisCall(services.redisUrl, [['FLUSHALL']]);
    },
  };
}

/** The topics of a prefix, which nobody else uses. */
export async function deleteTopics(brokers: string, prefix: string): Promise<void> {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
    if (topics.length) await admin.deleteTopics({ topics });
  } finally {
    await admin.disconnect();
  }
}

export async function onServer(databaseUrl: string, sql: string): Promise<void> {
  const url = new URL(databaseUrl);
  url.pathname = '/postgres';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export const pidsOf = (system: System): Record<string, number> =>
  Object.fromEntries([...system.apps].flatMap(([name, app]) => (app.pid === undefined ? [] : [[name, app.pid]])));

export const appPid = (system: System, app: AppName): number => system.apps.get(app)!.pid!;

export async function until(
  what: string,
  limitMs: number,
  done: () => Promise<boolean> | boolean,
  everyMs = 20,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
    await sleep(everyMs);
  }
}
