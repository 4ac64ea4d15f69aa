import { z } from 'zod';
import {
  defineJob,
  type EnqueueOptions,
  type JobDefinition,
  type JobHandler,
  type JobQueue,
  type JobRunner,
} from '#libs/job-queue';
import { newId, within, type Logger } from '#libs/platform';
import { laneOf, lanes, type Lane } from './domain/lane.js';
import { Turns } from './turns.js';
import type { CreatedDelivery } from './port.js';

const mailsPerJob = 40;
// stored in the queue, by earlier versions too: one alert, or one mail that is not due yet, or mails that travel together
const payload = z.union([z.object({ id: z.uuid() }), z.object({ ids: z.array(z.uuid()).min(1).max(500) })]);
type Payload = z.infer<typeof payload>;

/** Names are stored in the queue: never changed. */
export const deliverJobs = Object.fromEntries(
  lanes.map((lane) => [lane, defineJob({ name: `deliver-${lane}`, payload })]),
) as Record<Lane, JobDefinition<Payload>>;

interface Hands {
  most: number;
  deliver: (id: string) => Promise<void>;
  underWay: Set<Promise<void>>;
}

/**
 * Gives due deliveries to whoever delivers them. An alert that is due goes to this very process while it has hands free:
 * the queue's way there and back is the better part of what an alert takes. All else goes to the queue. Never waits for
 * Redis and never throws for it: what does not get through is handed out again by the sweep, because neither the queue nor
 * these hands hold any truth (I20).
 */
export class HandOut {
  private readonly underWay = new Set<Promise<void>>();
  private readonly hands = new Map<Lane, Hands>();

  constructor(
    private readonly queue: JobQueue,
    private readonly log: Logger,
  ) {}

  add(created: CreatedDelivery[]): void {
    // with Redis away calls pile up: the sweep will repeat them
    if (this.underWay.size > 50) return;
    for (const lane of lanes) {
      // what is far away the sweep hands out when it is due
      const items = jobsOf(
        created.filter((d) => laneOf(d) === lane && d.dueInMs < 60_000 && !this.deliverHere(lane, d)),
      );
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

  private deliverHere(lane: Lane, { id, dueInMs }: CreatedDelivery): boolean {
    const hands = this.hands.get(lane);
    if (!hands || dueInMs > 0 || hands.underWay.size >= hands.most) return false;
    const call = hands
      .deliver(id)
      .catch((error: unknown) =>
        this.log.warn({ delivery: id, err: error }, 'delivery not attempted, the sweep will hand it out again'),
      )
      .finally(() => hands.underWay.delete(call));
    hands.underWay.add(call);
    return true;
  }

  /** Takes nothing here any more; waits for what is under way. */
  async stop(graceMs: number): Promise<void> {
    const calls = [...this.hands.values()].flatMap((hands) => [...hands.underWay]);
    this.hands.clear();
    await within(graceMs, Promise.all(calls)).catch(() => undefined);
  }

  /** `concurrency`: deliveries at the same time. */
  run(lane: Lane, concurrency: number, deliver: (id: string) => Promise<void>): Promise<JobRunner> {
    if (lane !== 'mail') this.hands.set(lane, { most: concurrency, deliver, underWay: new Set() });
    const turns = new Turns(concurrency);
    const take = async (id: string, signal: AbortSignal): Promise<void> => {
      await turns.take();
      // given up while it waited: nothing was claimed, the sweep hands it out again
      await (signal.aborted ? Promise.resolve() : deliver(id)).finally(() => turns.giveBack());
    };
    const handle: JobHandler<Payload> = async (job, signal) => {
      const ended = await Promise.allSettled(('ids' in job ? job.ids : [job.id]).map((id) => take(id, signal)));
      for (const each of ended) if (each.status === 'rejected') throw each.reason;
    };
    // one job more than fills the turns: the next mails are here when the first of a job are done
    const jobs = lane === 'mail' ? Math.ceil(concurrency / mailsPerJob) + 1 : concurrency;
    return this.queue.run(deliverJobs[lane], handle, { concurrency: jobs });
  }
}

/** Mails that are due travel together: the queue costs as much for forty as for one. */
function jobsOf(deliveries: CreatedDelivery[]): { payload: Payload; options: EnqueueOptions }[] {
  const isDueMail = (d: CreatedDelivery) => laneOf(d) === 'mail' && d.dueInMs <= 0;
  const together = deliveries.filter(isDueMail);
  const jobs: { payload: Payload; options: EnqueueOptions }[] = deliveries
    .filter((d) => !isDueMail(d))
    .map((d) => ({
      payload: { id: d.id },
      options: { jobId: `d-${d.id}-${d.attempt}`, delayMs: Math.max(0, Math.ceil(d.dueInMs)) },
    }));
  for (let i = 0; i < together.length; i += mailsPerJob) {
    const ids = together.slice(i, i + mailsPerJob).map((d) => d.id);
    // an id of its own each time: named by one of its mails, it could keep a job with other mails out
    jobs.push({ payload: { ids }, options: { jobId: `m-${newId()}` } });
  }
  return jobs;
}
