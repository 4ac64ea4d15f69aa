import { createEventLog, type EventLog } from '#libs/event-log';
import { HandOut, type MailPolicy, type Notice, type NoticeHandler } from '#libs/delivery';
import type { AlertInput } from '#libs/handoff';
import { createJobQueue, type JobQueue } from '#libs/job-queue';
import {
  createLogger,
  createMetrics,
  createPool,
  newId,
  parseConfig,
  Progress,
  type Logger,
  type Pool,
  type PoolClient,
} from '#libs/platform';
import { Act } from '../../apps/worker/src/act.js';
import { workerConfig } from '../../apps/worker/src/worker.config.js';
import type { TestDatabase } from './database.js';

export interface Acting {
  act: Act;
  queue: JobQueue;
  eventLog: EventLog;
  pool: Pool;
  stop(): Promise<void>;
}

/** The worker's parts as its process wires them, on a test's database, with a queue prefix and an event log of its own. */
export async function startActing(
  db: TestDatabase,
  env: Record<string, string>,
  parts: { handlers?: NoticeHandler[]; mailPolicy?: MailPolicy; log?: Logger } = {},
): Promise<Acting> {
  const config = parseConfig(workerConfig, {
    DATABASE_URL: db.url,
    EVENT_LOG: 'postgres',
    REDIS_URL: process.env['TEST_REDIS_URL'],
    JOB_QUEUE_PREFIX: `t${newId().replaceAll('-', '')}`,
    TRACKING_SECRET: 'a secret of the tests, long enough for the schema',
    OUTBOUND_ALLOW: '127.0.0.0/8',
    MAIL_FROM: 'marketing@example.com',
    SENDER_ADDRESS: '1-2-3 Test, Tokyo',
    SITE_URL: 'https://www.example.com',
    ...env,
  });
  const log = parts.log ?? createLogger('worker', process.env['LOG_LEVEL'] ?? 'warn');
  const pool = createPool(
    { url: db.url, applicationName: 'leadfold-worker', max: 6, pipelined: true },
    () => undefined,
  );
  const eventLog = createEventLog(config, log);
  await eventLog.prepare();
  const queue = createJobQueue(config, log);
  const act = new Act({
    config,
    pool,
    log,
    eventLog,
    queue,
    handOut: new HandOut(queue, log),
    progress: new Progress(log),
    metrics: createMetrics('worker'),
    handlers: parts.handlers ?? [],
    mailPolicy: parts.mailPolicy,
  });
  await act.start();
  const stop = async () => {
    await act.stop();
    await queue.close();
    await eventLog.close();
    await pool.end();
  };
  return { act, queue, eventLog, pool, stop };
}

export interface Crossing {
  decision: string;
  lead: number;
}

/** A crossing as the projector's transaction leaves it behind: the notice and its NOTIFY. */
export async function cross(db: { pool: Pool }, options: { quiet?: string; rules?: string[] } = {}): Promise<Crossing> {
  const decision = newId();
  const result = await db.pool.query<{ lead: number }>(
    `with new as (
       insert into outbox (key, kind, name, lead, subject_key, event, quiet_cause, payload, created_at)
       values ($1::text, 'crossing', 'hot', 7, 'e:taro@example.com', $1::uuid, $2, $3, leadfold_now()) returning lead)
     select lead, pg_notify('leadfold_outbox', '') from new`,
    [
      decision,
      options.quiet ?? null,
      JSON.stringify({ rules: options.rules ?? ['five-conditions'], epoch: 1, score: 742 }),
    ],
  );
  return { decision, lead: result.rows[0]!.lead };
}

/** What an alert tells, without a projection behind it. */
export const plainReader = async (_client: PoolClient, notices: Notice[]): Promise<AlertInput[]> =>
  notices.map((notice) => ({
    crossing: notice.event,
    lead: notice.lead,
    at: notice.createdAt.getTime(),
    who: { name: '田中 太郎', company: 'アクメ株式会社', position: '部長', email: 'taro@example.com' },
    rules: (notice.payload['rules'] as string[]).map((name) => ({
      name,
      conditions: ['14日以内に資料を請求'],
    })),
    score: { total: 742, engagement: 500, fit: 242, grade: 'A' },
    lines: [
      { label: '価格ページ', points: 500 },
      { label: '従業員', points: 242 },
    ],
    actions: [{ at: notice.createdAt.getTime(), label: '資料請求' }],
    links: [],
    timeZone: 'Asia/Tokyo',
  }));
