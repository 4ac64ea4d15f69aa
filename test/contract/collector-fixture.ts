import fs from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { createEventLog, eventLogConfig, topics, type EventLog } from '#libs/event-log';
import { decodeEvent, type LeadEvent } from '#libs/leads/domain';
import { createLogger, newId } from '#libs/platform';
import { createSource, createWriteKey, SourceDirectory, type SourceSettings } from '#libs/sources';
import { createTestDatabase } from '#test/database';
import { createApp } from '../../apps/collector/src/create-app.js';
import { collectorConfig } from '../../apps/collector/src/collector.config.js';

export const writeKey = 'wk_demo_123';
export const trackingSecret = randomBytes(24).toString('hex');

export interface CollectorUnderTest {
  url: string;
  port: number;
  eventLog: EventLog;
  pool: Awaited<ReturnType<typeof createTestDatabase>>['pool'];
  folder: string;
  /** Everything on both topics, in any order. */
  stored(): Promise<{ event: LeadEvent; topic: string }[]>;
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

export function testLog(env: Record<string, string> = {}, databaseUrl = 'postgres://nobody@127.0.0.1:1/none'): EventLog {
  const config = eventLogConfig.parse({
    KAFKA_BROKERS: process.env['TEST_KAFKA_BROKERS'] ?? process.env['KAFKA_BROKERS'],
    KAFKA_TOPIC_PREFIX: `c${newId().slice(-8)}.`,
    ...env,
  });
  return createEventLog({ ...config, DATABASE_URL: databaseUrl }, createLogger('test', 'silent'));
}

/** The collector as it runs, over a real database and a real log with topics of its own. */
export async function startCollector(
  options: { env?: Record<string, string>; settings?: SourceSettings; eventLog?: EventLog } = {},
): Promise<CollectorUnderTest> {
  const database = await createTestDatabase();
  const eventLog = options.eventLog ?? testLog();
  if (!options.eventLog) await eventLog.prepare();
  await createSource(database.pool, { id: 'site', name: 'Site', actor: 'test', ...(options.settings && { settings: options.settings }) });
  await createWriteKey(database.pool, { source: 'site', actor: 'test', key: writeKey });
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'collector-'));
  const log = createLogger('collector', 'silent');
  const sources = new SourceDirectory(database.pool, { folder }, log);
  await sources.open();
  const config = collectorConfig.parse({ DATABASE_URL: database.url, TRACKING_SECRET: trackingSecret, COLLECTOR_PORT: 0, ...options.env });
  const { app, close } = await createApp({ config, log, eventLog, sources });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    eventLog,
    pool: database.pool,
    folder,
    stored: () => readLog(eventLog),
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
    stop: async () => {
      await close();
      await eventLog.close();
      await sources.close();
      await database.drop();
      await fs.rm(folder, { recursive: true, force: true });
    },
  };
}

export async function readLog(log: EventLog): Promise<{ event: LeadEvent; topic: string }[]> {
  const found: { event: LeadEvent; topic: string }[] = [];
  const open = new Map<string, number>();
  for (const topic of Object.values(topics))
    for (const { partition, begin, end } of await log.bounds(topic)) if (end > begin) open.set(`${topic}/${partition}`, end);
  if (open.size === 0) return found;
  let finished: () => void;
  const all = new Promise<void>((resolve) => (finished = resolve));
  const consumer = await log.consume(
    { group: `reader-${newId()}`, topics: Object.values(topics), concurrency: 4, maxRecords: 500 },
    {
      assigned: ({ begin }) => Promise.resolve({ start: begin }),
      batch: (batch) => {
        for (const record of batch.records) {
          const decoded = decodeEvent(record.headers, record.value?.toString('utf8') ?? '');
          if (!decoded.ok) throw new Error(`${decoded.code}: ${decoded.detail}`);
          found.push({ event: decoded.event, topic: batch.topic });
        }
        const name = `${batch.topic}/${batch.partition}`;
        if (batch.nextPosition >= (open.get(name) ?? Infinity)) open.delete(name);
        if (open.size === 0) finished();
        return Promise.resolve({ kind: 'done', next: batch.nextPosition });
      },
      alive: () => undefined,
    },
  );
  await Promise.race([all, consumer.ended]);
  await consumer.stop();
  return found;
}

export const post = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`, ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
  });
