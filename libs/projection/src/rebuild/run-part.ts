import type { Pool } from '#libs/platform';
import type { ProjectionContext } from '../projection-context.js';
import { foldPart, type PartReport, type PartTask } from './fold-part.projection.js';
import { onOwnSession } from './job.store.js';
import { mergePart } from './merge-part.projection.js';
import { forBulk } from './shadow.store.js';

export type RunnablePart = PartTask & { work: 'fold' | 'merge'; rulebook: number };

export async function runPart(
  pool: Pool,
  context: ProjectionContext,
  task: RunnablePart,
  report: PartReport,
): Promise<void> {
  await onOwnSession(pool, async (client) => {
    const rulebook = await context.rulebook(client, task.rulebook);
    await forBulk(client);
    if (task.work === 'fold') return foldPart(client, task, rulebook, context, report);
    await onOwnSession(pool, async (writing) => {
      await forBulk(writing);
      await mergePart(client, writing, task, rulebook, report);
    });
  });
}
