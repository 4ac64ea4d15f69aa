import { DomainError, type Queryable } from '#libs/platform';

export type QueueMode = 'redis' | 'postgres';

/** Records the queue at the first start and refuses another one later; `leadfold change-mode` changes it on purpose. */
export async function assertQueueMode(db: Queryable, mode: QueueMode): Promise<void> {
  await db.query(
    `insert into setting (key, value) values ('job-queue-mode', to_jsonb($1::text)) on conflict do nothing`,
    [mode],
  );
  const found = await db.query<{ mode: QueueMode }>(
    `select value #>> '{}' as mode from setting where key = 'job-queue-mode'`,
  );
  const recorded = found.rows[0]!.mode;
  if (recorded === mode) return;
  throw new DomainError(
    'job-queue-mode',
    `This database was started with JOB_QUEUE=${recorded}, not ${mode}. Set it so, or run leadfold change-mode with every process stopped.`,
  );
}
