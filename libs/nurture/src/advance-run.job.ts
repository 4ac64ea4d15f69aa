import { z } from 'zod';
import { Grouped, type HandOut } from '#libs/delivery';
import { defineJob, type EnqueueOptions, type JobQueue } from '#libs/job-queue';
import { classifySqlFailure, inTransaction, sqlStateOf, type Logger, type Pool } from '#libs/platform';
import { restRun } from './run.store.js';
import { restMs, stepRuns, type StepParts, type Stepped } from './run-steps.js';

const perJob = 100;
const perTransaction = 200;
const nearMs = 60_000;

/** Stored in the queue: never changed. Runs that are due together travel together. */
export const advanceRunJob = defineJob({
  name: 'advance-run',
  payload: z.object({ ids: z.array(z.uuid()).min(1).max(500) }),
});

export interface AdvanceJob {
  payload: { ids: string[] };
  options: EnqueueOptions;
}

/** Jobs for runs that are due; `mark` tells one hand-out from the next. */
export function jobsOf(ids: readonly string[], mark: string, delayMs = 0): AdvanceJob[] {
  const jobs: AdvanceJob[] = [];
  for (let i = 0; i < ids.length; i += perJob) {
    const some = ids.slice(i, i + perJob);
    jobs.push({ payload: { ids: some }, options: { jobId: `r-${some[0]}-${mark}`, delayMs } });
  }
  return jobs;
}

/** Takes the steps of due runs, a group of them in one transaction. A run that the database refuses rests alone. */
export class AdvanceRuns {
  private readonly groups: Grouped<string, undefined>;

  constructor(
    private readonly parts: { pool: Pool; queue: JobQueue; handOut: HandOut; steps: StepParts; log: Logger },
  ) {
    this.groups = new Grouped(
      async (ids) => {
        await this.takeGroup([...new Set(ids)]);
        return ids.map(() => undefined);
      },
      { most: perTransaction, concurrency: 2 },
    );
  }

  async take(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => this.groups.add(id)));
  }

  /** What is far away the sweep finds when it is due; the queue holds no truth. */
  schedule(items: Stepped['scheduled']): void {
    const { queue, log } = this.parts;
    const bySecond = new Map<number, string[]>();
    for (const { run, inMs } of items) {
      if (inMs >= nearMs) continue;
      const second = Math.max(0, Math.ceil(inMs / 1_000));
      bySecond.set(second, [...(bySecond.get(second) ?? []), run]);
    }
    if (!bySecond.size) return;
    const jobs = [...bySecond].flatMap(([second, runs]) => jobsOf(runs, `${second}`, second * 1_000));
    queue
      .enqueueMany(advanceRunJob, jobs)
      .catch((error: unknown) => log.warn({ err: error }, 'queue takes no runs, the sweep will add them again'));
  }

  private async takeGroup(ids: string[], attempt = 1): Promise<void> {
    const { pool, handOut, steps, log } = this.parts;
    try {
      const { created, scheduled } = await inTransaction(pool, (client) => stepRuns(client, ids, steps));
      handOut.add(created);
      this.schedule(scheduled);
    } catch (error) {
      const failure = classifySqlFailure(error);
      if (failure === 'conflict' && attempt < 4) return this.takeGroup(ids, attempt + 1);
      if (failure !== 'data') throw error;
      if (ids.length > 1) {
        const half = Math.ceil(ids.length / 2);
        await this.takeGroup(ids.slice(0, half));
        return this.takeGroup(ids.slice(half));
      }
      log.error({ run: ids[0], err: error }, 'the database refuses a step, resting its run');
      await restRun(pool, ids[0]!, `sql-${sqlStateOf(error)}`, restMs);
    }
  }
}
