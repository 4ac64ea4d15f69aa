import { Pump, type HandOut, type MailPolicy, type NoticeHandler } from '#libs/delivery';
import type { EventLog } from '#libs/event-log';
import type { JobQueue, JobRunner } from '#libs/job-queue';
import { makeZone } from '#libs/leads/domain';
import type { Logger, Pool, Progress } from '#libs/platform';
import { advanceRunJob, AdvanceRuns, jobsOf } from './advance-run.job.js';
import { closedDays } from './closed-days.js';
import { EnrolReactor } from './enrol.reactor.js';
import type { ConditionJudge } from './lead-view.store.js';
import { NurtureMail, type MailConfig } from './mail-policy.js';
import { takeDueRuns } from './run.store.js';
import type { StepParts } from './run-steps.js';
import { ScenarioVersions } from './scenario.store.js';
import { judgeDeliveries } from './judge-hits.job.js';

export interface NurtureParts {
  pool: Pool;
  eventLog: EventLog;
  queue: JobQueue;
  config: MailConfig;
  log: Logger;
  handOut: HandOut;
  /** Judges the conditions of scenarios: `look` of the projection, wired by the app. */
  judge: ConditionJudge;
  progress?: Progress;
}

export interface Nurture {
  handlers: NoticeHandler[];
  mailPolicy: MailPolicy;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const dueBatch = 1_000;

/** The worker's nurture side: entries, the timer of runs and the net below it, mails, verdicts. */
export function createNurture(parts: NurtureParts): Nurture {
  const { pool, queue, config, log, handOut, progress } = parts;
  const steps: StepParts = {
    versions: new ScenarioVersions(),
    calendar: { zone: makeZone(config.TIME_ZONE), holidays: closedDays(config) },
    judge: parts.judge,
    defaultLocale: config.MAIL_LOCALE,
  };
  const mail = new NurtureMail(pool, config);
  const runs = new AdvanceRuns({ pool, queue, handOut, steps, log });
  const sweep = async (): Promise<boolean> => {
    const due = await takeDueRuns(pool, dueBatch);
    if (due.length) await queue.enqueueMany(advanceRunJob, jobsOf(due, `at-${Date.now()}`));
    return due.length === dueBatch;
  };
  const judge = async (): Promise<boolean> => {
    await judgeDeliveries(pool, parts.eventLog);
    return false;
  };
  const pumps = [
    new Pump({ name: 'runs', idleMs: 5_000, work: sweep, log, progress }),
    new Pump({ name: 'verdicts', idleMs: 5_000, work: judge, log, progress }),
  ];
  let runner: JobRunner | undefined;
  return {
    handlers: [new EnrolReactor(steps, config.OUTBOX_KEEP_DAYS, (scheduled) => runs.schedule(scheduled))],
    mailPolicy: mail,
    async start() {
      runner = await queue.run(advanceRunJob, ({ ids }) => runs.take(ids), { concurrency: 16 });
      for (const pump of pumps) pump.start();
    },
    async stop() {
      await Promise.all(pumps.map((pump) => pump.stop()));
      await runner?.stop(20_000);
      await mail.close();
    },
  };
}
