import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the worker acts on: runs, deliveries, suppression. All state machines, none a log read by a cursor. */
export class Actions1795000000003 implements MigrationInterface {
  name = 'Actions1795000000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}

const sql = /* sql */ `
-- One lead's way through one scenario version. key: <scenario>:<entry event or decision id>.
-- state: active (a step is due at due_at), completed, exited (exit_reason).
create table run (
  id uuid primary key,
  key text not null unique,
  scenario text not null,
  version int not null,
  lead bigint not null,
  subject_key text not null,
  entry_event uuid not null,
  state text not null default 'active' check (state in ('active', 'completed', 'exited')),
  exit_reason text,
  step text not null,
  data jsonb not null default '{}',
  due_at timestamptz,
  enqueued_at timestamptz,
  lease_until timestamptz,
  entered_at timestamptz not null,
  ended_at timestamptz,
  foreign key (scenario, version) references scenario_version (name, version)
);
create index run_due on run (due_at) where state = 'active';
create index run_lead on run (lead);

-- Why and why not, per run and step.
create table run_log (
  id bigint generated always as identity primary key,
  run uuid not null,
  at timestamptz not null,
  step text not null,
  effect text not null,
  reason text,
  data jsonb not null default '{}'
);
create index run_log_run on run_log (run, id);

-- The send ledger: one message to one recipient on one channel. key: <run>:<step> or alert:<crossing decision>:<channel>.
-- state: pending, sending (leased), sent, failed, suppressed (reason), unknown (died after hand-off), cancelled (reason).
create table delivery (
  id uuid primary key,
  key text not null unique,
  purpose text not null check (purpose in ('nurture', 'alert')),
  channel text not null,
  lead bigint not null,
  subject_key text not null,
  recipient text,
  run uuid,
  step text,
  crossing uuid,
  state text not null default 'pending'
    check (state in ('pending', 'sending', 'sent', 'failed', 'suppressed', 'unknown', 'cancelled')),
  reason text,
  attempt int not null default 0,
  due_at timestamptz not null,
  -- pending past this is an error somebody must see
  limit_at timestamptz not null,
  enqueued_at timestamptz,
  lease_until timestamptz,
  lease_token uuid,
  handed_off_at timestamptz,
  ended_at timestamptz,
  last_error text,
  provider_id text,
  repeats int not null default 0,
  payload jsonb not null default '{}',
  created_at timestamptz not null
);
create index delivery_due on delivery (due_at) where state = 'pending';
create index delivery_leased on delivery (lease_until) where state = 'sending';
create index delivery_lead on delivery (lead, created_at);
create index delivery_run on delivery (run) where run is not null;
create index delivery_recipient on delivery (recipient, ended_at) where state = 'sent';

-- hash: SHA-256 (hex) of the normalised address, so that an erased person stays suppressed; address is null after erasure.
create table suppression (
  hash text primary key,
  address text,
  reason text not null check (reason in ('unsubscribe', 'complaint', 'bounce', 'erasure', 'operator')),
  event uuid not null,
  at timestamptz not null
);

-- Facts that were written to PostgreSQL first; a relay puts them on the log.
create table fact_outbox (
  id bigint generated always as identity primary key,
  event uuid not null unique,
  record jsonb not null,
  created_at timestamptz not null,
  sent_at timestamptz
);
create index fact_outbox_waiting on fact_outbox (id) where sent_at is null;
`;
