import type { Topic } from '#libs/event-log';
import type { Queryable } from '#libs/platform';

export interface BatchCounts {
  stored: number;
  quarantined: number;
  duplicates: number;
  dropped: number;
  conflicts: number;
}

export interface Fence {
  next: number;
  stopped: string | null;
  batch: number;
  version: number;
  /** What scenarios and alerts wait for, as `kind:name`. */
  listeners: string[];
  /** The number of the latest erased key; 0 while nobody was ever erased. */
  erased: number;
}

/**
 * Locks the partition: whoever holds this row is the only one who applies it, and the other finds `next` moved on. The live
 * rulebook is read here because its shared lock was taken in an earlier statement.
 */
export async function takeFence(client: Queryable, topic: Topic, partition: number): Promise<Fence> {
  const result = await client.query<Fence>({
    name: 'leadfold-fence',
    text: `select next, stopped, nextval('batch_id_seq') as batch,
        (select version from rulebook_publish order by id desc limit 1) as version,
        (select coalesce(array_agg(kind || ':' || name), '{}') from listener) as listeners,
        (select coalesce(max(nr), 0) from erased_key) as erased
      from partition_offset where topic = $1 and partition = $2 for update`,
    values: [topic, partition],
  });
  const fence = result.rows[0];
  if (!fence) throw new Error(`partition ${topic}/${partition} has no offset row`);
  return fence;
}

/** The same for work that no record brought: reviews and sweeps. */
export async function openBatch(client: Queryable): Promise<Pick<Fence, 'batch' | 'version' | 'listeners'>> {
  const result = await client.query<Pick<Fence, 'batch' | 'version' | 'listeners'>>({
    name: 'leadfold-open-batch',
    text: `select nextval('batch_id_seq') as batch, (select version from rulebook_publish order by id desc limit 1) as version,
      (select coalesce(array_agg(kind || ':' || name), '{}') from listener) as listeners`,
  });
  return result.rows[0]!;
}

/** The instant of the batch, in a statement of its own after the locks; every row that names the batch is dated by it. */
export async function dateBatch(client: Queryable, batch: number, version: number): Promise<number> {
  const result = await client.query<{ now: number }>({
    name: 'leadfold-date-batch',
    text: `insert into batch (id, known_at, rulebook_version) overriding system value values ($1, leadfold_now(), $2)
      returning (extract(epoch from known_at) * 1000)::bigint as now`,
    values: [batch, version],
  });
  return result.rows[0]!.now;
}

export async function prepareOffset(
  db: Queryable,
  topic: Topic,
  partition: number,
): Promise<Pick<Fence, 'next' | 'stopped'>> {
  await db.query('insert into partition_offset (topic, partition) values ($1, $2) on conflict do nothing', [
    topic,
    partition,
  ]);
  const result = await db.query<Fence>(
    'select next, stopped from partition_offset where topic = $1 and partition = $2',
    [topic, partition],
  );
  return result.rows[0]!;
}

/** The row lock is the fence; the comparison only asserts it. */
export async function advanceOffset(
  client: Queryable,
  topic: Topic,
  partition: number,
  from: number,
  to: number,
  counts: BatchCounts,
): Promise<void> {
  const consumed = counts.stored + counts.quarantined + counts.duplicates + counts.dropped;
  const result = await client.query({
    name: 'leadfold-advance-offset',
    text: `update partition_offset set next = $4, consumed = consumed + $5, stored = stored + $6, quarantined = quarantined + $7,
        duplicates = duplicates + $8, dropped = dropped + $9, conflicts = conflicts + $10
      where topic = $1 and partition = $2 and next = $3 and $4 >= next`,
    values: [
      topic,
      partition,
      from,
      to,
      consumed,
      counts.stored,
      counts.quarantined,
      counts.duplicates,
      counts.dropped,
      counts.conflicts,
    ],
  });
  if (result.rowCount !== 1)
    throw new Error(`offset of ${topic}/${partition} is not ${from} although its row was locked`);
}

export async function stopPartition(db: Queryable, topic: string, partition: number, reason: string): Promise<void> {
  await db.query('update partition_offset set stopped = $3 where topic = $1 and partition = $2', [
    topic,
    partition,
    reason,
  ]);
}
