import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { defineJob, type JobQueue, type JobRunner } from '#libs/job-queue';
import { until } from './event-log.applied.js';

export interface JobQueueUnderTest {
  /** A queue of another process on the same store. */
  open(): JobQueue;
  end(): Promise<void>;
}

/** Lock and check are short, so that a dead worker's job comes back within the test. */
export const shortTiming = { lockMs: 1_500, stalledCheckMs: 500 };

const payload = z.strictObject({ id: z.number() });
let kinds = 0;
const newKind = () => defineJob({ name: `contract-${(kinds += 1)}`, payload });

/** Every adapter of the job queue passes all of this. */
export function jobQueueContract(name: string, make: () => Promise<JobQueueUnderTest>): void {
  describe(`the job queue on ${name}`, () => {
    let store: JobQueueUnderTest;
    let queue: JobQueue;
    const runners: JobRunner[] = [];

    beforeAll(async () => {
      store = await make();
      queue = store.open();
    });
    afterAll(async () => {
      await Promise.all(runners.map((runner) => runner.stop(100)));
      await queue.close();
      await store.end();
    });

    const work = async (kind: ReturnType<typeof newKind>, handler: (id: number, signal: AbortSignal) => Promise<void> | void, concurrency = 5, on = queue) => {
      const runner = await on.run(kind, async ({ id }, signal) => handler(id, signal), { concurrency });
      runners.push(runner);
      return runner;
    };

    test('a job reaches its runner with its payload, soon', async () => {
      const kind = newKind();
      const seen: number[] = [];
      await work(kind, (id) => void seen.push(id));
      const waits: number[] = [];
      for (let n = 0; n < 11; n += 1) {
        const at = performance.now();
        await queue.enqueue(kind, { id: n }, { jobId: `d-${n}` });
        await until('the job', () => seen.length === n + 1);
        waits.push(performance.now() - at);
      }
      expect(seen).toEqual([...Array(11).keys()]);
      expect(waits.sort((a, b) => a - b)[5]).toBeLessThan(150);
      expect(await queue.reachable()).toBe(true);
    });

    test('a delayed job waits its time', async () => {
      const kind = newKind();
      let at = 0;
      await work(kind, () => void (at = performance.now()));
      const added = performance.now();
      await queue.enqueue(kind, { id: 1 }, { jobId: 'later-1', delayMs: 700 });
      expect(await queue.counts(kind)).toMatchObject({ delayed: 1 });
      await until('the delayed job', () => at > 0);
      expect(at - added).toBeGreaterThanOrEqual(690);
      expect(at - added).toBeLessThan(3_000);
    });

    test('the same id is added once while it is known, and again after it ended', async () => {
      const kind = newKind();
      const seen: number[] = [];
      for (const id of [1, 2, 3]) await queue.enqueue(kind, { id }, { jobId: 'd-1' });
      expect(await queue.counts(kind)).toEqual({ waiting: 1, active: 0, delayed: 0 });
      await work(kind, (id) => void seen.push(id));
      await until('the job', () => seen.length === 1);
      const end = performance.now() + 5_000;
      while ((await queue.counts(kind)).active > 0 && performance.now() < end) await delay(20);
      await queue.enqueue(kind, { id: 4 }, { jobId: 'd-1' });
      await until('the job again', () => seen.length === 2);
      expect(seen).toEqual([1, 4]);
    });

    test('a payload that does not fit, a bad id: refused at the door', async () => {
      const kind = newKind();
      await expect(queue.enqueue(kind, { id: 'x' } as never, { jobId: 'd-1' })).rejects.toThrow(/id/);
      await expect(queue.enqueue(kind, { id: 1 }, { jobId: 'd:1' })).rejects.toThrow(/job id/);
      await expect(queue.enqueue(kind, { id: 1 }, { jobId: '12' })).rejects.toThrow(/job id/);
      expect(await queue.counts(kind)).toEqual({ waiting: 0, active: 0, delayed: 0 });
    });

    test('a job that throws is not repeated: attempts are counted elsewhere', async () => {
      const kind = newKind();
      const seen: number[] = [];
      await work(kind, (id) => {
        seen.push(id);
        if (id === 1) throw new Error('refused');
      });
      await queue.enqueue(kind, { id: 1 }, { jobId: 'd-1' });
      await until('the failed job', () => seen.length === 1);
      await queue.enqueue(kind, { id: 2 }, { jobId: 'd-2' });
      await until('the next job', () => seen.includes(2));
      await delay(shortTiming.stalledCheckMs * 2);
      expect(seen).toEqual([1, 2]);
      expect(await queue.counts(kind)).toEqual({ waiting: 0, active: 0, delayed: 0 });
    });

    test('two thousand jobs, two processes, each job once, never above the concurrency', async () => {
      const kind = newKind();
      const seen: number[] = [];
      let active = 0;
      let most = 0;
      const other = store.open();
      const handler = async (id: number) => {
        active += 1;
        most = Math.max(most, active);
        await delay(1);
        active -= 1;
        seen.push(id);
      };
      await work(kind, handler, 10);
      await work(kind, handler, 10, other);
      await queue.enqueueMany(kind, Array.from({ length: 2_000 }, (_, id) => ({ payload: { id }, options: { jobId: `d-${id}` } })));
      await until('all jobs', () => seen.length >= 2_000);
      expect(new Set(seen).size).toBe(2_000);
      expect(seen).toHaveLength(2_000);
      expect(most).toBeGreaterThan(1);
      expect(most).toBeLessThanOrEqual(20);
      await other.close();
    });

    test('stopping waits for active jobs and takes no new ones', async () => {
      const kind = newKind();
      const ended: number[] = [];
      let begun = 0;
      const runner = await work(kind, async (id) => {
        begun += 1;
        await delay(300);
        ended.push(id);
      }, 1);
      await queue.enqueueMany(kind, [1, 2].map((id) => ({ payload: { id }, options: { jobId: `d-${id}` } })));
      await until('the first job', () => begun === 1);
      await runner.stop(5_000);
      expect(ended).toEqual([1]);
      expect(begun).toBe(1);
      expect(await queue.counts(kind)).toMatchObject({ waiting: 1 });
    });

    test('a job that outlives the grace is told, and runs again elsewhere', async () => {
      const kind = newKind();
      const other = store.open();
      let told = false;
      let begun = false;
      const runner = await work(kind, (_, signal) => {
        begun = true;
        return new Promise<void>((resolve) => signal.addEventListener('abort', () => ((told = true), void setTimeout(resolve, 8_000).unref()), { once: true }));
      }, 1, other);
      await queue.enqueue(kind, { id: 1 }, { jobId: 'd-1' });
      await until('the job', () => begun);
      const at = performance.now();
      await runner.stop(100);
      expect(performance.now() - at).toBeLessThan(4_000);
      expect(told).toBe(true);
      let again = false;
      await work(kind, () => void (again = true));
      await until('the job again', () => again, 15_000);
      await other.close();
    }, 40_000);
  });
}
