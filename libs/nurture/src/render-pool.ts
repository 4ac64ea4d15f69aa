import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { DomainError } from '#libs/platform';
import { makeRenderer, type Rendered, type RenderTask } from './renderer.js';

interface Waiting {
  task: RenderTask;
  resolve(rendered: Rendered & { ok: true }): void;
  reject(error: Error): void;
}

const batchSize = 50;
const resolvePath = createRequire(import.meta.url).resolve;

// Source as text: the thread runs the same from TypeScript, from dist and in a bundle
const threadSource = `
  const { parentPort, workerData } = require('node:worker_threads');
  Promise.all([import(workerData.liquid), import(workerData.htmlToText)]).then(([liquid, htmlToText]) => {
    const renderer = (${makeRenderer.toString()})(liquid, htmlToText);
    parentPort.on('message', (tasks) => parentPort.postMessage(tasks.map((task) => renderer.render(task))));
    parentPort.postMessage('ready');
  });`;

/**
 * One thread that renders in batches, so that no template can hold up the process. A batch that takes longer than a
 * second costs the thread its life and is tried again one by one: only the guilty mail fails.
 */
export class RenderPool {
  private queue: Waiting[] = [];
  private worker?: Promise<Worker>;
  private busy = false;
  private single = 0;

  constructor(private readonly killMs = 1_000) {}

  render(task: RenderTask): Promise<Rendered & { ok: true }> {
    return new Promise((resolve, reject) => {
      this.queue.push({ task, resolve, reject });
      void this.work();
    });
  }

  async close(): Promise<void> {
    await (await this.worker?.catch(() => undefined))?.terminate();
    this.worker = undefined;
  }

  private async work(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.queue.length) await this.renderBatch(this.queue.splice(0, this.single > 0 ? 1 : batchSize));
    } finally {
      this.busy = false;
    }
  }

  private async renderBatch(batch: Waiting[]): Promise<void> {
    let worker: Worker;
    try {
      worker = await (this.worker ??= start());
    } catch (error) {
      this.worker = undefined;
      for (const waiting of batch) waiting.reject(error as Error);
      return;
    }
    const answers = await answerOf(
      worker,
      batch.map((waiting) => waiting.task),
      this.killMs,
    );
    if (answers) {
      this.single = Math.max(0, this.single - 1);
      batch.forEach((waiting, i) => settle(waiting, answers[i]!));
      return;
    }
    this.worker = undefined;
    await worker.terminate();
    if (batch.length === 1) {
      this.single = Math.max(0, this.single - 1);
      batch[0]!.reject(new DomainError('template-timeout', 'The template did not finish within a second.'));
    } else {
      this.single = batch.length;
      this.queue.unshift(...batch);
    }
  }
}

function settle(waiting: Waiting, answer: Rendered): void {
  if (answer.ok) waiting.resolve(answer);
  else waiting.reject(new DomainError(answer.late ? 'template-timeout' : 'template-failed', answer.error));
}

async function start(): Promise<Worker> {
  const url = (name: string) => pathToFileURL(resolvePath(name)).href;
  const worker = new Worker(threadSource, {
    eval: true,
    workerData: { liquid: url('liquidjs'), htmlToText: url('html-to-text') },
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
  });
  worker.unref();
  // kept for good: an error without a listener would end the process
  worker.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the render thread ended at its start')));
  });
  return worker;
}

/** Undefined: no answer in time, or the thread died of it. */
function answerOf(worker: Worker, tasks: RenderTask[], killMs: number): Promise<Rendered[] | undefined> {
  return new Promise((resolve) => {
    const done = (answers?: Rendered[]) => {
      clearTimeout(timer);
      worker.off('message', done).off('error', died).off('exit', died);
      resolve(answers);
    };
    const died = () => done();
    const timer = setTimeout(died, killMs);
    worker.on('message', done).on('error', died).on('exit', died);
    worker.postMessage(tasks);
  });
}
