import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { topics, type EventLog, type Topic } from '#libs/event-log';
import { audit, DomainError, inTransaction, type Pool } from '#libs/platform';

/** Puts a quarantined record on the log again, as it came; after a fix it is folded, otherwise it is quarantined anew. */
export class ReplayRecord extends Command<{ id: number; status: string; acknowledged: boolean }> {
  constructor(
    readonly id: number,
    readonly actor: string,
  ) {
    super();
  }
}

@CommandHandler(ReplayRecord)
export class ReplayRecordHandler implements ICommandHandler<ReplayRecord> {
  constructor(
    private readonly pool: Pool,
    private readonly log: EventLog,
  ) {}

  async execute({ id, actor }: ReplayRecord) {
    return inTransaction(this.pool, async (client) => {
      // the row stays locked until the log has the record: two operators replay it once
      const found = await client.query<{
        topic: Topic;
        key: Buffer | null;
        headers: Record<string, string>;
        value: Buffer | null;
      }>(
        `select topic, record_key as key, headers, value from quarantine where id = $1 and status = 'waiting' for update`,
        [id],
      );
      const record = found.rows[0];
      if (!record)
        throw new DomainError('quarantine-unknown', 'No waiting record with this id.', { status: 404, path: 'id' });
      const topic = Object.values(topics).includes(record.topic) ? record.topic : topics.events;
      const { acked, error } = await this.log.append([
        { topic, key: record.key?.toString('utf8') ?? '', headers: record.headers, value: record.value ?? '' },
      ]);
      if (!acked[0])
        throw new DomainError('log-away', 'The event log does not take records right now. Try again.', {
          status: 503,
          cause: error,
        });
      await client.query("update quarantine set status = 'replayed', changed_at = clock_timestamp() where id = $1", [
        id,
      ]);
      await audit(client, { actor, action: 'quarantine.replay', target: String(id) });
      return { id, status: 'replayed', acknowledged: true };
    });
  }
}
