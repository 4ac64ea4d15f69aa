import { setTimeout as sleep } from 'node:timers/promises';
import { topics, type EventLog } from '#libs/event-log';
import type { Pool } from '#libs/platform';

/** What is still under way; all zero is quiet. Steps and mails that are due later are not work. */
export interface Busy {
  unread: number;
  notices: number;
  facts: number;
  deliveries: number;
  runs: number;
  refolds: number;
  judgements: number;
}

const isQuiet = (busy: Busy): boolean => Object.values(busy).every((count) => count === 0);

export async function howBusy(pool: Pool, eventLog: EventLog): Promise<Busy> {
  const bounds = (await Promise.all(Object.values(topics).map((topic) => eventLog.bounds(topic)))).flat();
  const { rows } = await pool.query<{ topic: string; partition: number; next: number }>(
    'select topic, partition, next from partition_offset',
  );
  const next = new Map(rows.map((row) => [`${row.topic} ${row.partition}`, row.next]));
  const unread = bounds.reduce(
    (sum, { topic, partition, begin, end }) => sum + end - Math.max(begin, next.get(`${topic} ${partition}`) ?? begin),
    0,
  );
  const rest = await pool.query<Omit<Busy, 'unread'>>(
    `select
       (select count(*) from outbox where taken_at is null) as notices,
       (select count(*) from fact_outbox where sent_at is null) as facts,
       (select count(*) from delivery where state = 'sending' or (state = 'pending' and due_at <= leadfold_now())) as deliveries,
       (select count(*) from run where state = 'active' and due_at <= leadfold_now()) as runs,
       (select count(*) from lead where refold_pending and merged_into is null) as refolds,
       (select count(*) from unapplied_judgement j where exists (select 1 from event e where e.id = j.target)) as judgements`,
  );
  return { unread, ...rest.rows[0]! };
}

/** Quiet means quiet twice in a row: an ending delivery states a fact, which is read again. */
export async function untilQuiet(
  pool: Pool,
  eventLog: EventLog,
  limitMs: number,
  tell: (text: string) => void,
): Promise<Busy | undefined> {
  const deadline = performance.now() + limitMs;
  let quietFor = 0;
  let told = 0;
  for (;;) {
    const busy = await howBusy(pool, eventLog);
    quietFor = isQuiet(busy) ? quietFor + 1 : 0;
    if (quietFor >= 3) return undefined;
    if (performance.now() > deadline) return busy;
    if (performance.now() - told > 5_000 && !isQuiet(busy)) {
      told = performance.now();
      tell(
        Object.entries(busy)
          .filter(([, count]) => count > 0)
          .map(([what, count]) => `${what} ${count}`)
          .join(', '),
      );
    }
    await sleep(500);
  }
}
