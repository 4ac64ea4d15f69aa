import { setTimeout as sleep } from 'node:timers/promises';
import type { Queryable } from '#libs/platform';

/** True once the event's batch is committed, false after `limitMs`. Asks often at first: most events are folded within milliseconds. */
export async function waitForEvent(db: Queryable, id: string, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(100, pauseMs * 1.5)) {
    const found = await db.query({ name: 'leadfold-wait-for-event', text: 'select 1 from event where id = $1', values: [id] });
    if (found.rowCount) return true;
    if (performance.now() + pauseMs > deadline) return false;
    await sleep(pauseMs);
  }
}
