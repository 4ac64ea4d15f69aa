import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The embedded mode's log: what Kafka holds in the full mode. Written through libs/event-log only. */
export class EmbeddedLog1795000000004 implements MigrationInterface {
  name = 'EmbeddedLog1795000000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}

const sql = /* sql */ `
-- begin: first position still held; next: the position of the next record.
create table log_partition (
  topic text not null,
  partition int not null,
  begin bigint not null default 0,
  next bigint not null default 0,
  primary key (topic, partition)
) with (fillfactor = 10);

create table log_record (
  topic text not null,
  partition int not null,
  position bigint not null,
  appended_at timestamptz not null,
  record_key bytea,
  headers jsonb not null,
  value bytea,
  primary key (topic, partition, position)
);

-- The row lock is held until the appender commits, so positions become visible in order and without gaps.
-- Partitions are locked in one order: two appenders never deadlock.
create function log_append(topics text[], partitions int[], keys bytea[], headers text[], record_values bytea[]) returns void
language plpgsql as $$
declare
  place record;
  first bigint;
begin
  for place in
    select t.topic, t.partition, count(*) as records
    from unnest(topics, partitions) as t (topic, partition)
    group by t.topic, t.partition order by t.topic, t.partition
  loop
    update log_partition p set next = p.next + place.records
    where p.topic = place.topic and p.partition = place.partition
    returning p.next - place.records into strict first;
    insert into log_record (topic, partition, position, appended_at, record_key, headers, value)
    select i.topic, i.partition, first + row_number() over (order by i.at) - 1, clock_timestamp(), i.key, i.headers::jsonb, i.value
    from unnest(topics, partitions, keys, headers, record_values) with ordinality as i (topic, partition, key, headers, value, at)
    where i.topic = place.topic and i.partition = place.partition;
  end loop;
  perform pg_notify('leadfold_log', '');
end $$;
`;
