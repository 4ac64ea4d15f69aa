import { Worker } from 'node:worker_threads';
import type { Pool } from '#libs/platform';
import type { ProjectionContext, ProjectionSettings } from '../projection-context.js';
import type { PartReport } from './fold-part.projection.js';
import { runPart, type RunnablePart } from './run-part.js';

export type ThreadTask = RunnablePart & { url: string; zone: string; settings: ProjectionSettings };

/** Threads run the build; source that is run as it stands has only this one. */
const built = import.meta.url.endsWith('.js');

/** Each part in a thread of its own, where `url` says what a thread is to connect to. */
export async function runParts(
  pool: Pool,
  context: ProjectionContext,
  tasks: readonly RunnablePart[],
  report: PartReport,
  url?: string,
): Promise<void> {
  if (!built || url === undefined) {
    for (const task of tasks) await runPart(pool, context, task, report);
    return;
  }
  const threads = tasks.map((task) => {
    const workerData: ThreadTask = { ...task, url, zone: context.zone.name, settings: context.settings };
    return new Worker(new URL('./part.thread.js', import.meta.url), { workerData });
  });
  const asking = setInterval(() => {
    if (report.stopped()) for (const thread of threads) thread.postMessage('stop');
  }, 100);
  try {
    await Promise.all(threads.map((thread) => ended(thread, report)));
  } finally {
    clearInterval(asking);
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

function ended(thread: Worker, report: PartReport): Promise<void> {
  return new Promise((resolve, reject) => {
    thread.on('message', (done: number) => report.onProgress(done));
    thread.once('error', reject);
    thread.once('exit', (code) => (code === 0 ? resolve() : reject(new Error('a thread of the rebuild ended'))));
  });
}
