import type { z } from 'zod';

/**
 * A timer and a hand-out: holds no truth. Jobs carry only ids; retries and back-off live in PostgreSQL. Losing every job
 * costs a delay (the relay adds again what is due), never a delivery.
 */
export interface JobDefinition<P> {
  /** Stored by others: never changed. */
  name: string;
  payload: z.ZodType<P>;
}

export const defineJob = <P>(definition: JobDefinition<P>): JobDefinition<P> => definition;

export interface EnqueueOptions {
  /** Same id while the job is known to the queue: added once. No `:`, no integer string. */
  jobId: string;
  delayMs?: number;
}

export type JobHandler<P> = (payload: P, signal: AbortSignal) => Promise<void>;

export interface RunOptions {
  concurrency: number;
}

export interface JobRunner {
  /** Waits for active jobs up to `graceMs`, then gives up on them. */
  stop(graceMs: number): Promise<void>;
}

export interface JobQueue {
  enqueue<P>(job: JobDefinition<P>, payload: P, options: EnqueueOptions): Promise<void>;
  enqueueMany<P>(job: JobDefinition<P>, items: { payload: P; options: EnqueueOptions }[]): Promise<void>;
  run<P>(job: JobDefinition<P>, handler: JobHandler<P>, options: RunOptions): Promise<JobRunner>;
  reachable(): Promise<boolean>;
  counts(job: JobDefinition<unknown>): Promise<{ waiting: number; active: number; delayed: number }>;
  close(): Promise<void>;
}
