import type { Topic } from '#libs/event-log';
import type { Queryable } from '#libs/platform';
import { plainArray } from './arrays.js';

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
}

export interface OpenedBatch extends Batch {
  /** By partition. */
  fences: Map<number, Fence>;
}

export interface Batch {
  batch: number;
  version: number;
  /** What scenarios and alerts wait for, as `kind:name`. */
  listeners: string[];
  /** The number of the latest erased key; 0 while nobody was ever erased. */
  erased: number;
}

const ofBatch = `(select nextval('batch_id_seq')) as batch,
  (select version from rulebook_publish order by id desc limit 1) as version,
  (select coalesce(array_agg(kind || ':' || name), '{}') from listener) as listeners,
  (select coalesce(max(nr), 0) from erased_key) as erased`;

/**
 * Locks partitions, in order: whoever holds such a row is the only one who applies it, and the other finds `next` moved on.
 * The live rulebook is read here because its shared lock was taken in an earlier statement.
 */
export async function takeFences(
  client: Queryable,
  topic: Topic,
  partitions: readonly number[],
): Promise<OpenedBatch | undefined> {
  const result = await client.query<Fence & Batch & { partition: number }>({
    name: 'leadfold-fences',
    text: `select partition, next, stopped, ${ofBatch}
      from partition_offset where topic = $1 and partition = any($2::int[]) order by partition for update`,
    values: [topic, plainArray(partitions)],
  });
  const [row] = result.rows;
  if (!row) return undefined;
  // a row that had to be waited for is read anew, with a new number: the connection's last one is the batch's
  const batch = Math.max(...result.rows.map((each) => each.batch));
  return { ...row, batch, fences: new Map(result.rows.map((each) => [each.partition, each])) };
}

/** The same for work that no record brought: reviews and sweeps. */
export async function openBatch(client: Queryable): Promise<Batch> {
  const result = await client.query<Batch>({ name: 'leadfold-open-batch', text: `select ${ofBatch}` });
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

export interface Advance {
  partition: number;
  from: number;
  to: number;
  counts: BatchCounts;
}

/** The row locks are the fence; the comparison only asserts it. */
export async function advanceOffsets(client: Queryable, topic: Topic, advances: readonly Advance[]): Promise<void> {
  const column = (read: (advance: Advance) => number): string => plainArray(advances.map(read));
  const result = await client.query({
    name: 'leadfold-advance-offsets',
    text: `update partition_offset o set next = t.next, consumed = consumed + t.stored + t.quarantined + t.duplicates + t.dropped,
        stored = o.stored + t.stored, quarantined = o.quarantined + t.quarantined, duplicates = o.duplicates + t.duplicates,
        dropped = o.dropped + t.dropped, conflicts = o.conflicts + t.conflicts
      from unnest($2::int[], $3::bigint[], $4::bigint[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[])
        as t(partition, before, next, stored, quarantined, duplicates, dropped, conflicts)
      where o.topic = $1 and o.partition = t.partition and o.next = t.before and t.next >= o.next`,
    values: [
      topic,
      column(({ partition }) => partition),
      column(({ from }) => from),
      column(({ to }) => to),
      column(({ counts }) => counts.stored),
      column(({ counts }) => counts.quarantined),
      column(({ counts }) => counts.duplicates),
      column(({ counts }) => counts.dropped),
      column(({ counts }) => counts.conflicts),
    ],
  });
  if (result.rowCount !== advances.length)
    throw new Error(`an offset of ${topic} is not where it was although its row was locked`);
}

export async function stopPartition(db: Queryable, topic: string, partition: number, reason: string): Promise<void> {
  await db.query('update partition_offset set stopped = $3 where topic = $1 and partition = $2', [
    topic,
    partition,
    reason,
  ]);
}
