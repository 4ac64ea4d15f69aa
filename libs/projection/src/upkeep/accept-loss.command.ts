import { audit, DomainError, inTransaction, type Pool } from '#libs/platform';

/**
 * An operator accepts that records of a partition are lost: it goes on at the log's first position that is not behind what
 * is applied, or at its beginning if the log was made anew. The projector takes the partition up again at its next start.
 */
export async function acceptLoss(
  pool: Pool,
  loss: { topic: string; partition: number; begin: number; end: number; actor: string },
): Promise<{ from: number; to: number }> {
  const { topic, partition, begin, end, actor } = loss;
  return inTransaction(pool, async (client) => {
    const found = await client.query<{ next: number; stopped: string | null }>(
      'select next, stopped from partition_offset where topic = $1 and partition = $2 for update',
      [topic, partition],
    );
    const row = found.rows[0];
    if (!row) throw new DomainError('unknown-partition', `${topic}/${partition} was never applied.`, { status: 404 });
    if (row.stopped === null)
      throw new DomainError('not-stopped', `${topic}/${partition} is not stopped: nothing is lost.`, { status: 409 });
    const to = row.next > end ? begin : Math.max(begin, row.next);
    await client.query('update partition_offset set next = $3, stopped = null where topic = $1 and partition = $2', [
      topic,
      partition,
      to,
    ]);
    await audit(client, {
      actor,
      action: 'accept-loss',
      target: `${topic}/${partition}`,
      details: { from: row.next, to, reason: row.stopped },
    });
    return { from: row.next, to };
  });
}
