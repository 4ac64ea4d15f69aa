import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a rebuild beside the live projection needs: tables that can be exchanged, and a way to what was stored since. */
export class RebuildBeside1795000000008 implements MigrationInterface {
  name = 'RebuildBeside1795000000008';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}

const sql = /* sql */ `
-- Lead ids are minted with a key and outlive every table of leads: the sequence belongs to the keys.
create sequence lead_number;
select setval('lead_number', last_value, is_called) from lead_id_seq;
alter table lead alter column id drop identity;
alter sequence lead_number rename to lead_id_seq;
alter sequence lead_id_seq owned by subject_key.lead;

-- Batches come in order, so a summary per range of pages finds the latest; it costs an insert next to nothing.
create index event_batch on event using brin (batch) with (pages_per_range = 32, autosummarize = on);

-- One row while a rebuild is unfinished; its tables stand in the schema rebuild. phase: fold, merge, follow.
create schema rebuild;
create table rebuild_job (
  one boolean primary key default true check (one),
  started_at timestamptz not null,
  started_by text not null,
  phase text not null,
  rulebook int not null,
  -- the new projection holds the events of batches up to this one, but for those that were under way
  until_batch bigint not null,
  under_way bigint[] not null,
  -- where the events lay: the work is divided by pages
  event_file oid not null,
  pages bigint not null,
  parts int not null,
  relinked int not null,
  -- somebody's events are gone: what was folded of them must not come back
  begin_anew boolean not null default false
);
`;
