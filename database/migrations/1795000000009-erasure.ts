import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What stays of an erased person: a proof without personal data, hashes of the keys, and counts. */
export class Erasure1795000000009 implements MigrationInterface {
  name = 'Erasure1795000000009';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}

const sql = /* sql */ `
-- requested_by and reason are words of a closed list: free text would name people again.
-- removed: rows per table; its facts and decisions together left event. log_until: no record of theirs is on the log after it.
create table erasure (
  id uuid primary key,
  requested_at timestamptz not null,
  done_at timestamptz,
  requested_by text not null,
  reason text not null,
  reference text,
  -- handles that stood for the person and stand for nobody any more
  leads bigint[] not null,
  removed jsonb not null default '{}',
  -- by name what is still to be removed, so that an erasure that was broken off can be resumed; null once done
  pending jsonb,
  -- the transaction in which who the person was went: a rebuild that began without seeing it begins anew
  forgotten_in xid8,
  log_until timestamptz not null
);
create index erasure_leads on erasure using gin (leads);

alter table rebuild_job add column snapshot pg_snapshot not null default pg_current_snapshot();

-- hash: of a subject key, or of the id of a delivery or a mail hit. The projector drops what names one of them, occurred
-- before occurred_before and was received before received_before. Owned parts of a shared browser's time have bounds.
-- nr: the highest one tells a projector whether it knows them all.
create table erased_key (
  nr bigint generated always as identity primary key,
  erasure uuid not null references erasure (id),
  hash text not null,
  -- cheap to compute: spares the hash of nearly every key that is looked up
  sieve int not null,
  occurred_before timestamptz not null,
  received_before timestamptz not null,
  owned_from timestamptz,
  owned_until timestamptz
);
create index erased_key_erasure on erased_key (erasure);
create index erased_key_hash on erased_key (hash);

-- How much there was of erased people, by day: what was counted once keeps adding up.
create table erased_count (
  day date not null,
  measure text not null,
  name text not null,
  n bigint not null,
  primary key (day, measure, name)
);

-- The one change the audit log allows: an erasure under way blanks a row that names the person, and that is itself audited.
create function guard_audit_log() returns trigger language plpgsql as $$
declare
  erasing text := current_setting('leadfold.erasure', true);
begin
  if tg_op = 'UPDATE' and coalesce(erasing, '') <> '' then
    if exists (select 1 from erasure where id = erasing::uuid and done_at is null)
      and (new.id, new.at, new.actor, new.action) = (old.id, old.at, old.actor, old.action)
      and new.target in (old.target, 'erased')
      and new.details = jsonb_build_object('erasure', erasing)
    then
      insert into audit_log (actor, action, target, details)
      values ('system', 'audit.blank', old.id::text, jsonb_build_object('erasure', erasing));
      return new;
    end if;
  end if;
  raise exception '% is append-only', tg_table_name using errcode = '42501';
end $$;
drop trigger audit_log_append_only on audit_log;
create trigger audit_log_append_only before update or delete on audit_log for each row execute function guard_audit_log();

create trigger erasure_is_kept before delete on erasure for each row execute function refuse_change();
`;
