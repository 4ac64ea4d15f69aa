import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { audit, DomainError, inTransaction, type Pool } from '#libs/platform';

/** An operator’s word that a quarantined record is not wanted. It stays, marked. */
export class DiscardRecord extends Command<{ id: number; status: string; acknowledged: boolean }> {
  constructor(
    readonly id: number,
    readonly reason: string,
    readonly actor: string,
  ) {
    super();
  }
}

@CommandHandler(DiscardRecord)
export class DiscardRecordHandler implements ICommandHandler<DiscardRecord> {
  constructor(private readonly pool: Pool) {}

  async execute({ id, reason, actor }: DiscardRecord) {
    await inTransaction(this.pool, async (client) => {
      const changed = await client.query(
        "update quarantine set status = 'discarded', changed_at = clock_timestamp() where id = $1 and status = 'waiting'",
        [id],
      );
      if (!changed.rowCount)
        throw new DomainError('quarantine-unknown', 'No waiting record with this id.', { status: 404, path: 'id' });
      await audit(client, { actor, action: 'quarantine.discard', target: String(id), details: { reason } });
    });
    return { id, status: 'discarded', acknowledged: true };
  }
}
