import type { Pool } from '#libs/platform';
import { readJob, rebuildHolder, type RebuildPhase } from './job.store.js';

export interface RebuildStatus {
  startedAt: Date;
  startedBy: string;
  phase: RebuildPhase;
  /** Of the events, 0 to 1. */
  read: number;
  /** Whether a process works on it now; else it rests where it was stopped. */
  running: boolean;
  /** False: it will begin anew, because events were erased or moved, or the database crashed. */
  usable: boolean;
}

export async function rebuildStatus(pool: Pool): Promise<RebuildStatus | undefined> {
  const job = await readJob(pool);
  if (!job) return undefined;
  const { startedAt, startedBy, phase, usable } = job;
  const parts = usable
    ? await pool.query<{ pages: number }>('select sum(next_page)::int8 as pages from rebuild.part')
    : undefined;
  const read = phase === 'fold' ? (parts?.rows[0]?.pages ?? 0) / Math.max(1, job.pages * job.parts) : 1;
  return { startedAt, startedBy, phase, read, running: (await rebuildHolder(pool)) !== undefined, usable };
}
