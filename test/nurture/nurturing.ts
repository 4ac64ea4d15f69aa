import { HandOut, type NoticeHandler, type SendLedger } from '#libs/delivery';
import { createEventLog } from '#libs/event-log';
import { createJobQueue, type JobQueue } from '#libs/job-queue';
import { createNurture, ensureDefaultScenarios, judgeByRulebook, nurtureConfig, type Nurture } from '#libs/nurture';
import { createLogger, createMetrics, newId, parseConfig, Progress, type Logger } from '#libs/platform';
import { ensureDefaultRulebook } from '#libs/projection';
import type { LeadMemory } from '#libs/leads/domain';
import { z } from 'zod';
import { Act } from '../../apps/worker/src/act.js';
import { workerConfig } from '../../apps/worker/src/worker.config.js';
import type { TestDatabase } from '../support/database.js';

const config = z.object({ ...workerConfig.shape, ...nurtureConfig.shape, TIME_ZONE: z.string().default('Asia/Tokyo') });
export const secret = 'a secret of the tests, long enough for the schema';

export interface Nurturing {
  nurture: Nurture;
  queue: JobQueue;
  ledger: SendLedger;
  stop(): Promise<void>;
}

/** The worker's acting parts with the shipped rulebook and scenarios. */
export async function startNurturing(
  db: TestDatabase,
  env: Record<string, string>,
  more: { handlers?: NoticeHandler[]; log?: Logger } = {},
): Promise<Nurturing> {
  const parsed = parseConfig(config, {
    DATABASE_URL: db.url,
    EVENT_LOG: 'postgres',
    REDIS_URL: process.env['TEST_REDIS_URL'],
    JOB_QUEUE_PREFIX: `t${newId().replaceAll('-', '')}`,
    TRACKING_SECRET: secret,
    MAIL_FROM: 'marketing@example.com',
    SENDER_ADDRESS: '東京都千代田区1-1',
    SITE_URL: 'https://www.example.com/',
    ...env,
  });
  const log = more.log ?? createLogger('worker', process.env['LOG_LEVEL'] ?? 'warn');
  const { pool } = db;
  const eventLog = createEventLog(parsed, log);
  await eventLog.prepare();
  const queue = createJobQueue(parsed, log);
  const handOut = new HandOut(queue, log);
  const nurture = createNurture({ pool, eventLog, queue, config: parsed, log, handOut, judge: judgeByRulebook });
  const act = new Act({
    config: parsed,
    pool,
    log,
    eventLog,
    queue,
    handOut,
    progress: new Progress(log),
    metrics: createMetrics('worker'),
    handlers: [...(more.handlers ?? []), ...nurture.handlers],
    mailPolicy: nurture.mailPolicy,
  });
  await act.start();
  await nurture.start();
  const stop = async () => {
    await nurture.stop();
    await act.stop();
    await queue.close();
    await eventLog.close();
  };
  return { nurture, queue, ledger: act.ledger, stop };
}

export async function ship(db: TestDatabase): Promise<void> {
  await ensureDefaultRulebook(db.pool);
  await ensureDefaultScenarios(db.pool);
}

export interface Person {
  email: string;
  consent?: 'granted' | 'withdrawn' | null;
  profile?: Record<string, string>;
  memory?: Partial<LeadMemory>;
}

/** A lead as the projector leaves it behind. */
export async function becomeLead(
  db: TestDatabase,
  { email, consent = 'granted', profile = {}, memory = {} }: Person,
): Promise<number> {
  const stamp = { at: Date.UTC(2026, 10, 1), event: newId() };
  const state = {
    profile: Object.fromEntries(
      Object.entries({ email, ...profile }).map(([name, value]) => [name, { value, ...stamp }]),
    ),
    consent: consent ? { marketing: { value: { state: consent, basis: 'opt-in' }, ...stamp } } : {},
    counters: {},
  };
  const inserted = await db.pool.query<{ id: number }>(
    "insert into lead (id, state, memory) values (nextval('lead_id_seq'), $1, $2) returning id",
    [
      JSON.stringify(state),
      JSON.stringify({ hot: false, armed: true, epoch: 0, stage: null, segments: [], ...memory }),
    ],
  );
  const { id } = inserted.rows[0]!;
  await db.pool.query('insert into subject_key (key, lead) values ($1, $2)', [`e:${email}`, id]);
  return id;
}

/** A notice as the projector's transaction leaves it behind. */
export async function notice(
  db: TestDatabase,
  lead: number,
  email: string,
  kind: string,
  name: string,
  quiet: string | null = null,
): Promise<string> {
  const event = newId();
  await db.pool.query(
    `with new as (insert into outbox (key, kind, name, lead, subject_key, event, quiet_cause, payload, created_at)
       values ($1::text || ':' || $3, $2, $3, $4, $5, $1::uuid, $6, '{}', leadfold_now()) returning 1)
     select pg_notify('leadfold_outbox', '') from new`,
    [event, kind, name, lead, `e:${email}`, quiet],
  );
  return event;
}
