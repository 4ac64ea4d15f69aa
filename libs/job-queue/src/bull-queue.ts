import type { Queue } from 'bullmq';
import { within, type Logger } from '#libs/platform';
import type { Backend } from './backend.js';
import { BullRunner } from './bull-runner.js';
import type { EnqueueOptions, JobDefinition, JobHandler, JobQueue, JobRunner, RunOptions } from './port.js';

const boundMs = 3_000;

/** Attempts live in PostgreSQL; a job known to the queue is one that waits or runs, so its id is free once it ended. */
const jobOptions = ({ jobId, delayMs }: EnqueueOptions) => {
  if (jobId.includes(':') || /^\d+$/.test(jobId)) throw new Error('a job id may not hold a colon or be a number');
  return { jobId, delay: delayMs ?? 0, attempts: 1, removeOnComplete: true, removeOnFail: true };
};

export class BullQueue implements JobQueue {
  private readonly queues = new Map<string, Promise<Queue>>();
  private readonly runners = new Set<BullRunner>();

  constructor(
    private readonly backend: Backend,
    private readonly log: Logger,
  ) {}

  async enqueue<P>(job: JobDefinition<P>, payload: P, options: EnqueueOptions): Promise<void> {
    await this.enqueueMany(job, [{ payload, options }]);
  }

  async enqueueMany<P>(job: JobDefinition<P>, items: { payload: P; options: EnqueueOptions }[]): Promise<void> {
    if (items.length === 0) return;
    const jobs = items.map(({ payload, options }) => ({
      name: job.name,
      data: job.payload.parse(payload),
      opts: jobOptions(options),
    }));
    await this.bounded(job.name, (queue) => queue.addBulk(jobs));
  }

  async run<P>(job: JobDefinition<P>, handler: JobHandler<P>, options: RunOptions): Promise<JobRunner> {
    const runner = new BullRunner(this.backend, job, handler, options, this.log);
    this.runners.add(runner);
    return Promise.resolve(runner);
  }

  async reachable(): Promise<boolean> {
    return this.bounded('reachable', (queue) => queue.getJobCounts('waiting')).then(
      () => true,
      () => false,
    );
  }

  async counts(job: JobDefinition<unknown>): Promise<{ waiting: number; active: number; delayed: number }> {
    const counts = await this.bounded(job.name, (queue) => queue.getJobCounts('waiting', 'active', 'delayed'));
    return { waiting: counts['waiting'] ?? 0, active: counts['active'] ?? 0, delayed: counts['delayed'] ?? 0 };
  }

  async close(): Promise<void> {
    await Promise.all([...this.runners].map((runner) => runner.stop(5_000)));
    const queues = await Promise.all([...this.queues.values()].map((queue) => queue.catch(() => undefined)));
    const open = queues.filter((queue) => queue !== undefined);
    await Promise.all(open.map((queue) => within(2_000, queue.close()).catch(() => undefined)));
  }

  private bounded<T>(name: string, work: (queue: Queue) => Promise<T>): Promise<T> {
    return within(boundMs, this.open(name).then(work));
  }

  /** A queue whose first connection failed never recovers by itself: it is made anew by the next call. */
  private open(name: string): Promise<Queue> {
    const known = this.queues.get(name);
    if (known) return known;
    const queue = this.backend.queue(name);
    queue.on('error', (error) => this.log.debug({ queue: name, cause: error.message }, 'queue connection'));
    const opening = within(boundMs - 500, queue.waitUntilReady()).then(
      () => queue,
      (error: Error) => {
        this.queues.delete(name);
        queue.close().catch(() => undefined);
        throw error;
      },
    );
    this.queues.set(name, opening);
    return opening;
  }
}
