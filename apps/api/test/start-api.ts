import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createEventLog, eventLogConfig, topics, type EventLog } from '#libs/event-log';
import { recordOf, type LeadEvent } from '#libs/leads';
import { createLogger, createMetrics, parseConfig, type Logger } from '#libs/platform';
import { ensureDefaultScenarios } from '#libs/nurture';
import {
  BatchProjection,
  createProjectionPool,
  ensureDefaultRulebook,
  partitionHandlers,
  ProjectionContext,
} from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { createApiKey } from '../src/access/api-key.store.js';
import { roles, type Role } from '../src/access/allow.decorator.js';
import { apiConfig } from '../src/api.config.js';
import { createApp } from '../src/create-app.js';

export interface TestApi {
  app: NestFastifyApplication;
  database: TestDatabase;
  keys: Record<Role, string>;
  call(
    method: string,
    url: string,
    options?: { key?: string; body?: unknown },
  ): Promise<{ status: number; body: Body; text: string; headers: Record<string, unknown> }>;
  eventLog: EventLog;
  /** Puts facts on the log; `projecting` folds them. */
  state(...events: LeadEvent[]): Promise<void>;
  stop(): Promise<void>;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers are asserted on, field by field
type Body = any;

export const testSecret = 'a secret of the tests, long enough';

/** The API over a database of its own and a log in that database, without a port: requests are injected. */
export async function startApi(options: { projecting?: boolean; logger?: Logger } = {}): Promise<TestApi> {
  const database = await createTestDatabase();
  const env = {
    ...process.env,
    DATABASE_URL: database.url,
    EVENT_LOG: 'postgres',
    LOG_LEVEL: 'silent',
    TRACKING_SECRET: testSecret,
  };
  const config = parseConfig(apiConfig, env);
  const logger = options.logger ?? createLogger('api', config.LOG_LEVEL);
  const eventLog = createEventLog({ ...parseConfig(eventLogConfig, env), DATABASE_URL: database.url }, logger);
  await eventLog.prepare();
  await ensureDefaultRulebook(database.pool);
  await ensureDefaultScenarios(database.pool);
  const context = await ProjectionContext.load(database.pool, config);
  const app = await createApp({
    pool: database.pool,
    eventLog,
    config,
    logger,
    metrics: createMetrics('api'),
    context,
  });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  const projecting = options.projecting ? await startProjecting(database.url, context, eventLog, logger) : undefined;
  const keys = {} as Record<Role, string>;
  for (const role of roles) keys[role] = (await createApiKey(database.pool, { name: role, role, actor: 'test' })).key;
  return {
    app,
    database,
    keys,
    eventLog,
    async call(method, url, { key, body } = {}) {
      const response = await app.inject({
        method: method as 'GET',
        url,
        headers: key ? { authorization: `Bearer ${key}` } : {},
        ...(body === undefined ? {} : { payload: body as object }),
      });
      return {
        status: response.statusCode,
        body: parse(response.body),
        text: response.body,
        headers: response.headers,
      };
    },
    async state(...events) {
      const { acked } = await eventLog.append(events.map((event) => recordOf(event)));
      if (!acked.every(Boolean)) throw new Error('the log did not take every event');
    },
    async stop() {
      await projecting?.stop();
      await app.close();
      await eventLog.close();
      await database.drop();
    },
  };
}

function parse(text: string): Body {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The projector's own handlers in this process. */
async function startProjecting(url: string, context: ProjectionContext, log: EventLog, logger: Logger) {
  const pool = createProjectionPool({ url, applicationName: 'leadfold-test-projector', max: 3 }, () => undefined);
  const batches = new BatchProjection(pool, context, logger);
  const consumer = await log.consume(
    { group: 'leadfold-projector', topics: [topics.urgent, topics.events], concurrency: 2, maxRecords: 2_000 },
    partitionHandlers(pool, batches, logger, () => undefined),
  );
  return {
    async stop() {
      await consumer.stop();
      await pool.end();
    },
  };
}
