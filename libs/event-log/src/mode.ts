import { DomainError, type Queryable } from '#libs/platform';

export type LogMode = 'kafka' | 'postgres';

/** Records the mode at the first start and refuses another one later: the other log holds what is not yet applied. */
export async function assertMode(db: Queryable, mode: LogMode): Promise<void> {
  await db.query(
    `insert into setting (key, value) values ('event-log-mode', to_jsonb($1::text)) on conflict do nothing`,
    [mode],
  );
  const found = await db.query<{ mode: LogMode }>(
    `select value #>> '{}' as mode from setting where key = 'event-log-mode'`,
  );
  const recorded = found.rows[0]!.mode;
  if (recorded === mode) return;
  const way =
    recorded === 'postgres'
      ? 'Stop every process and drain the embedded log into Kafka first, or set EVENT_LOG=postgres.'
      : 'Set EVENT_LOG=kafka: there is no way back to the embedded log.';
  throw new DomainError('event-log-mode', `This database was started with EVENT_LOG=${recorded}, not ${mode}. ${way}`);
}
