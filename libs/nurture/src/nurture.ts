import { z } from 'zod';
import { Pump, type HandOut, type MailPolicy, type NoticeHandler } from '#libs/delivery';
import type { EventLog } from '#libs/event-log';
import { defineJob, type JobQueue, type JobRunner } from '#libs/job-queue';
import { makeZone } from '#libs/leads/domain';
import { inTransaction, type Logger, type Pool, type Progress } from '#libs/platform';
import { EnrolReactor } from './enrol.reactor.js';
import type { ConditionJudge } from './lead-view.store.js';
import { NurtureMail, type MailConfig } from './mail-policy.js';
import { takeDueRuns } from './run.store.js';
import { stepRuns, type StepParts, type Stepped } from './run-steps.js';
import { ScenarioVersions } from './scenario.store.js';
import { judgeDeliveries } from './judge-hits.job.js';

/** Stored in the queue: never changed. */
export const advanceRunJob = defineJob({ name: 'advance-run', payload: z.object({ id: z.uuid() }) });

export interface NurtureParts {
  pool: Pool;
  eventLog: EventLog;
  queue: JobQueue;
  config: MailConfig;
  log: Logger;
  handOut: HandOut;
  /** Judges the conditions of scenarios: `look` of the projection, wired by the app. */
  judge: ConditionJudge;
  /** Local days on which nobody works, beside weekends. */
  holidays?: ReadonlySet<number>;
  progress?: Progress;
}

export interface Nurture {
  handlers: NoticeHandler[];
  mailPolicy: MailPolicy;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const dueBatch = 500;
const nearMs = 60_000;

/** The worker's nurture side: entries, the timer of runs and the net below it, mails, verdicts. */
export function createNurture(parts: NurtureParts): Nurture {
  const { pool, queue, config, log, handOut, progress } = parts;
  const steps: StepParts = {
    versions: new ScenarioVersions(),
    calendar: { zone: makeZone(config.TIME_ZONE), holidays: parts.holidays ?? new Set() },
    judge: parts.judge,
    defaultLocale: config.MAIL_LOCALE,
  };
  const mail = new NurtureMail(pool, config);
  const enqueue = (items: Stepped['scheduled']): void => {
    // what is far away the sweep finds when it is due; the queue holds no truth
    const near = items.filter((item) => item.inMs < nearMs).map(({ run, inMs }) => ({
      payload: { id: run }, options: { jobId: `r-${run}-${Math.ceil(inMs)}`, delayMs: Math.max(0, Math.ceil(inMs)) },
    }));
    if (near.length) queue.enqueueMany(advanceRunJob, near).catch((error: unknown) => log.warn({ err: error }, 'queue takes no runs, the sweep will add them again'));
  };
  const step = async (id: string): Promise<void> => {
    const { created, scheduled } = await inTransaction(pool, (client) => stepRuns(client, [id], steps));
    handOut.add(created);
    enqueue(scheduled);
  };
  const sweep = async (): Promise<boolean> => {
    const due = await takeDueRuns(pool, dueBatch);
    const at = Date.now();
    if (due.length)
      await queue.enqueueMany(advanceRunJob, due.map((id) => ({ payload: { id }, options: { jobId: `r-${id}-at-${at}` } })));
    return due.length === dueBatch;
  };
  const pumps = [
    new Pump({ name: 'runs', idleMs: 2_000, work: sweep, log, progress }),
    new Pump({ name: 'verdicts', idleMs: 5_000, work: () => judgeDeliveries(pool, parts.eventLog), log, progress }),
  ];
  let runner: JobRunner | undefined;
  return {
    handlers: [new EnrolReactor(steps, enqueue)],
    mailPolicy: mail,
    async start() {
      runner = await queue.run(advanceRunJob, ({ id }) => step(id), { concurrency: 4 });
      for (const pump of pumps) pump.start();
    },
    async stop() {
      await Promise.all(pumps.map((pump) => pump.stop()));
      await runner?.stop(20_000);
      await mail.close();
    },
  };
}
