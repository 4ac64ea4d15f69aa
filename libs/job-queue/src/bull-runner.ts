import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'bullmq';
import { within, type Logger } from '#libs/platform';
import type { Backend } from './backend.js';
import type { JobDefinition, JobHandler, JobRunner, RunOptions } from './port.js';

/** Runs one kind of job in this process; comes back by itself when its store was away. */
export class BullRunner implements JobRunner {
  private readonly worker: Worker;
  private readonly active = new Map<string, AbortController>();
  private stopping: Promise<void> | undefined;
  private awayLogged = false;

  constructor(
    backend: Backend,
    definition: JobDefinition<unknown>,
    handler: JobHandler<never>,
    options: RunOptions,
    log: Logger,
  ) {
    const { name } = definition;
    this.worker = backend.worker(
      name,
      async (job) => {
        this.awayLogged = false;
        const payload = definition.payload.safeParse(job.data);
        if (!payload.success) throw new Error(`payload of ${name} does not fit its schema: ${payload.error.message}`);
        const abort = new AbortController();
        this.active.set(job.id!, abort);
        try {
          await handler(payload.data as never, abort.signal);
        } finally {
          this.active.delete(job.id!);
        }
      },
      options.concurrency,
    );
    this.worker.on('error', (error) => {
      // one line per absence: the client reports every attempt
      if (!this.awayLogged) log.warn({ job: name, cause: error.message }, 'job runner connection');
      this.awayLogged = true;
    });
    this.worker.on('failed', (job, error) =>
      log.warn({ job: name, jobId: job?.id, cause: error.message }, 'job failed'),
    );
    // another worker may run these jobs now
    this.worker.on('lockRenewalFailed', (ids) => ids.forEach((id) => this.active.get(id)?.abort()));
  }

  stop(graceMs: number): Promise<void> {
    return (this.stopping ??= this.end(graceMs));
  }

  private async end(graceMs: number): Promise<void> {
    // `close()` once begun cannot be hurried: the wait is our own
    await within(1_000, this.worker.pause(true)).catch(() => undefined);
    if (!(await this.quietWithin(graceMs))) {
      for (const abort of this.active.values()) abort.abort();
      await this.quietWithin(500);
    }
    await within(2_000, this.worker.close(this.active.size > 0)).catch(() => undefined);
  }

  private async quietWithin(ms: number): Promise<boolean> {
    const end = performance.now() + ms;
    while (this.active.size > 0 && performance.now() < end) await delay(20);
    return this.active.size === 0;
  }
}
