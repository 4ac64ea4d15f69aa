import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The record: events, who is who, derived state. Written by the projector only. */
export class Facts1795000000001 implements MigrationInterface {
  name = 'Facts1795000000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}

const sql = /* sql */ `
-- One row only in a story test; see libs/platform/src/clock.ts.
create table driven_clock (one boolean primary key default true check (one), at timestamptz not null);
-- stable: a volatile one keeps every comparison with it off the indexes
create function leadfold_now() returns timestamptz language sql stable
  as 'select coalesce((select at from driven_clock), clock_timestamp())';

-- Every row that must be dated "as known then" names its batch.
create table batch (
  id bigint generated always as identity primary key,
  known_at timestamptz not null,
  rulebook_version int not null
);

-- Keeps subject keys, never a lead id: who an event belongs to is derived.
create table event (
  id uuid primary key,
  kind text not null,
  type text not null,
  source text not null,
  anon text,
  uid text,
  email text,
  occurred_at timestamptz not null,
  received_at timestamptz not null,
  batch bigint not null,
  refers_to uuid,
  body jsonb not null
);
create index event_anon on event (anon, occurred_at) where uid is null and email is null and anon is not null;
create index event_uid on event (uid) where uid is not null;
create index event_email on event (email) where email is not null;
create index event_refers_to on event (refers_to) where refers_to is not null;

-- key: a:<anonymousId>, u:<space>:<userId>, e:<email>; lead: the row minted for this key, never repointed.
create table subject_key (key text primary key, lead bigint not null);
create unique index subject_key_lead on subject_key (lead);

-- "At this instant this browser was this person." Ownership of anonymous events derives from these rows.
create table identification (
  anon text not null,
  at timestamptz not null,
  event uuid not null,
  strong text not null,
  batch bigint not null,
  primary key (anon, at, event)
);
create index identification_strong on identification (strong);
create index identification_event on identification (event);

-- "These two strong keys are one person." state: active, withdrawn, skipped (key limit or held apart).
create table link (
  event uuid primary key,
  a text not null,
  b text not null,
  at timestamptz not null,
  state text not null default 'active',
  reason text,
  batch bigint not null
);
create index link_a on link (a);
create index link_b on link (b);

-- An operator holds these two keys apart, whatever the sites say later.
create table apart (event uuid primary key, a text not null, b text not null, at timestamptz not null, batch bigint not null);
create index apart_a on apart (a);
create index apart_b on apart (b);

-- No index on anything that every batch changes: HOT updates would be lost.
create table lead (
  id bigint generated always as identity primary key,
  merged_into bigint,
  mixed boolean not null default false,
  version int not null default 0,
  looked_at timestamptz,
  rulebook int not null default 0,
  refold_pending boolean not null default false,
  -- as in lead_rank: read under this row's lock, where a joined row would be of an older snapshot
  next_change_at timestamptz,
  rank_hash text,
  -- json, not jsonb: written whole and read whole, it need not be taken apart
  state json not null default '{"profile":{},"consent":{},"counters":{}}',
  memory json not null default '{"hot":false,"armed":true,"epoch":0,"stage":null,"segments":[]}'
) with (fillfactor = 70);
create index lead_merged_into on lead (merged_into) where merged_into is not null;
create index lead_refold_pending on lead (id) where refold_pending;

-- What lists are sorted and reviews are found by; written only when it changes. Scores in tenths of a point.
create table lead_rank (
  lead bigint primary key,
  score int not null,
  engagement int not null,
  fit int not null,
  grade text,
  band text not null,
  temperature text not null,
  stage text,
  display_name text,
  company text,
  email text,
  visitor boolean not null,
  last_at timestamptz,
  score_day int not null,
  next_change_at timestamptz not null
) with (fillfactor = 80);
create index lead_rank_order on lead_rank (temperature, score desc, lead);
create index lead_rank_due on lead_rank (next_change_at);
create index lead_rank_stage on lead_rank (stage);

-- Offsets live here, in the fold's transaction. consumed = stored + quarantined + duplicates + dropped (I4).
create table partition_offset (
  topic text not null,
  partition int not null,
  next bigint not null default 0,
  consumed bigint not null default 0,
  stored bigint not null default 0,
  quarantined bigint not null default 0,
  duplicates bigint not null default 0,
  dropped bigint not null default 0,
  conflicts bigint not null default 0,
  stopped text,
  primary key (topic, partition)
) with (fillfactor = 10);

-- Poison records as they came. status: waiting, replayed, discarded.
create table quarantine (
  id bigint generated always as identity primary key,
  topic text not null,
  partition int not null,
  position bigint not null,
  record_key bytea,
  headers jsonb not null,
  value bytea,
  code text not null,
  detail text not null,
  batch bigint not null,
  quarantined_at timestamptz not null,
  status text not null default 'waiting',
  replayed_as uuid,
  changed_at timestamptz,
  unique (topic, partition, position)
);

-- A judgement whose target was not visible when it came; the sweep applies it under the lead's lock.
create table unapplied_judgement (event uuid primary key, target uuid not null, since timestamptz not null);
create index unapplied_judgement_target on unapplied_judgement (target);

-- Notices for the worker, only of what somebody listens to. kind: crossing, stage, segment, signal.
create table outbox (
  id bigint generated always as identity primary key,
  key text not null unique,
  kind text not null,
  name text not null,
  lead bigint not null,
  subject_key text not null,
  event uuid not null,
  quiet_cause text,
  payload jsonb not null,
  created_at timestamptz not null,
  taken_at timestamptz
);
create index outbox_waiting on outbox (id) where taken_at is null;

-- What scenarios and alerts wait for: written by api and worker, read by the projector.
create table listener (kind text not null, name text not null, wanted_by text not null, primary key (kind, name, wanted_by));
`;
