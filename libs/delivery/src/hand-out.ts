import { z } from 'zod';
import { defineJob, type JobDefinition, type JobQueue, type JobRunner } from '#libs/job-queue';
import type { Logger } from '#libs/platform';
import { laneOf, lanes, type Lane } from './domain/lane.js';
import type { CreatedDelivery } from './port.js';

const payload = z.object({ id: z.uuid() });
type Payload = z.infer<typeof payload>;

/** Names are stored in the queue: never changed. */
export const deliverJobs = Object.fromEntries(
  lanes.map((lane) => [lane, defineJob({ name: `deliver-${lane}`, payload })]),
) as Record<Lane, JobDefinition<Payload>>;

/**
 * Gives due deliveries to the queue. Never waits for Redis and never throws for it: what does not get through is added
 * again by the sweep, because the queue holds no truth (I20).
 */
export class HandOut {
  private readonly underWay = new Set<Promise<void>>();

  constructor(
    private readonly queue: JobQueue,
    private readonly log: Logger,
  ) {}

  add(created: CreatedDelivery[]): void {
    // with Redis away calls pile up: the sweep will repeat them
    if (this.underWay.size > 50) return;
    for (const lane of lanes) {
      // what is far away the sweep hands out when it is due
      const items = created
        .filter((d) => laneOf(d) === lane && d.dueInMs < 60_000)
        .map((d) => ({
          payload: { id: d.id },
          options: { jobId: `d-${d.id}-${d.attempt}`, delayMs: Math.max(0, Math.ceil(d.dueInMs)) },
        }));
      if (!items.length) continue;
      const call = this.queue
        .enqueueMany(deliverJobs[lane], items)
        .catch((error: unknown) =>
          this.log.warn({ lane, err: error }, 'queue takes no jobs, the sweep will add them again'),
        )
        .finally(() => this.underWay.delete(call));
      this.underWay.add(call);
    }
  }

  run(lane: Lane, concurrency: number, deliver: (id: string) => Promise<void>): Promise<JobRunner> {
    return this.queue.run(deliverJobs[lane], ({ id }) => deliver(id), { concurrency });
  }
}
