import { createPostgresBackend, Queue, Worker, type Processor, type WorkerOptions } from 'bullmq';

/** How long a worker may be silent before its jobs are handed out again. */
export interface JobTiming {
  lockMs: number;
  stalledCheckMs: number;
}

export interface Backend {
  queue(name: string): Queue;
  worker(name: string, processor: Processor, concurrency: number): Worker;
}

const workerOptions = (timing: JobTiming, concurrency: number): Omit<WorkerOptions, 'connection'> => ({
  concurrency,
  lockDuration: timing.lockMs,
  stalledInterval: timing.stalledCheckMs,
  // an empty queue is woken by what is added; asking it anew is only for a connection that died without a word
  drainDelay: 20,
  // a job that was lost with its worker is handed out again: PostgreSQL counts attempts, not the queue
  maxStalledCount: 5,
});

export function redisBackend(url: string, prefix: string, timing: JobTiming): Backend {
  const connection = {
    url,
    connectTimeout: 2_000,
    retryStrategy: (attempt: number) => Math.min(50 * 2 ** attempt, 1_000),
  };
  return {
    // the caller of `enqueue` must hear at once that Redis is away, a worker waits until it is back
    queue: (name) =>
      new Queue(name, {
        connection: { ...connection, maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: 2_500 },
        prefix,
      }),
    worker: (name, processor, concurrency) =>
      new Worker(name, processor, {
        connection: { ...connection, maxRetriesPerRequest: null },
        prefix,
        ...workerOptions(timing, concurrency),
      }),
  };
}

export function postgresBackend(connectionString: string, schema: string, timing: JobTiming): Backend {
  const connection = {
    connectionString,
    schema,
    migrate: true,
    max: 3,
    connectionTimeoutMillis: 2_000,
    application_name: 'leadfold-jobs',
  };
  return {
    queue: (name) => new Queue(name, { connection }, createPostgresBackend) as unknown as Queue,
    worker: (name, processor, concurrency) =>
      new Worker(
        name,
        processor,
        { connection, ...workerOptions(timing, concurrency) },
        createPostgresBackend,
      ) as unknown as Worker,
  };
}
