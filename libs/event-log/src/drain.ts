import { DomainError, inTransaction, type Pool, type PoolClient } from '#libs/platform';
import type { KafkaLog } from './kafka/kafka-log.js';
import type { OutgoingRecord } from './micro-batch.js';
import { topics, type Topic } from './port.js';

export interface DrainReport {
  copied: number;
  partitions: number;
}

const pageSize = 500;

/**
 * Embedded to full: copies what the projector has not applied into Kafka, each record to its own partition, then makes
 * Kafka the log, in one transaction. The partition rows stay locked, so nothing can be appended behind the copy. Repeated
 * after a failure it may copy records again; their event ids make that harmless.
 */
export async function drainToKafka(pool: Pool, to: KafkaLog): Promise<DrainReport> {
  await to.prepare();
  return inTransaction(pool, async (client) => {
    // copying may take long: the limits of ordinary statements are not for an operator's command
    await client.query('set local idle_in_transaction_session_timeout = 0');
    await client.query('set local statement_timeout = 0');
    await client.query('lock table partition_offset in exclusive mode');
    const rows = await client.query<{
      topic: Topic;
      partition: number;
      from: number;
      end: number;
      stopped: string | null;
    }>(
      `select p.topic, p.partition, coalesce(o.next, p.begin) as from, p.next as end, o.stopped
       from (select * from log_partition order by topic, partition for update) p
       left join partition_offset o on o.topic = p.topic and o.partition = p.partition
       order by p.topic, p.partition`,
    );
    const starts = await startsOf(to);
    let copied = 0;
    for (const row of rows.rows) {
      if (row.stopped)
        throw new DomainError('partition-stopped', `${row.topic}/${row.partition} is stopped: ${row.stopped}`);
      copied += await copyPartition(client, to, row);
    }
    await switchOver(client, starts);
    return { copied, partitions: rows.rows.length };
  });
}

async function copyPartition(
  client: PoolClient,
  to: KafkaLog,
  { topic, partition, from, end }: { topic: Topic; partition: number; from: number; end: number },
): Promise<number> {
  let copied = 0;
  for (let at = from; at < end;) {
    const page = await client.query<{
      position: number;
      key: Buffer | null;
      headers: Record<string, string>;
      value: Buffer | null;
    }>(
      `select position, record_key as key, headers, value from log_record
       where topic = $1 and partition = $2 and position >= $3 order by position limit $4`,
      [topic, partition, at, pageSize],
    );
    if (page.rows[0]?.position !== at) throw new DomainError('log-gap', `${topic}/${partition} lacks position ${at}.`);
    const records: OutgoingRecord[] = page.rows.map(({ position: _, ...record }) => ({ topic, partition, ...record }));
    const { acked, error } = await to.appendRaw(records);
    if (!acked.every(Boolean))
      throw new DomainError('log-away', 'Kafka did not take every record; run it again.', { cause: error });
    copied += records.length;
    at = page.rows.at(-1)!.position + 1;
  }
  return copied;
}

async function startsOf(to: KafkaLog) {
  return (await Promise.all(Object.values(topics).map((topic) => to.bounds(topic)))).flat();
}

/** Positions of the old log say nothing about the new one: offsets begin anew, counters go on. */
async function switchOver(client: PoolClient, starts: Awaited<ReturnType<typeof startsOf>>): Promise<void> {
  await client.query(
    `update partition_offset o set next = s.next
     from unnest($1::text[], $2::int[], $3::bigint[]) as s (topic, partition, next)
     where o.topic = s.topic and o.partition = s.partition`,
    [starts.map((each) => each.topic), starts.map((each) => each.partition), starts.map((each) => each.begin)],
  );
  // below zero they never meet a position of the new log
  await client.query('update quarantine set position = -1 - position where position >= 0');
  await client.query('update log_partition set begin = next');
  await client.query('truncate log_record');
  await client.query(
    `insert into setting (key, value) values ('event-log-mode', '"kafka"')
     on conflict (key) do update set value = excluded.value, changed_at = clock_timestamp()`,
  );
}
