import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What people configure: sources, keys, rulebooks, scenarios, templates. Versions are immutable. */
export class Configuration1795000000002 implements MigrationInterface {
  name = 'Configuration1795000000002';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}

const sql = /* sql */ `
create table setting (key text primary key, value jsonb not null, changed_at timestamptz not null default clock_timestamp());

-- settings: { urgentEvents?: string[], formEvents?: string[], clientIp?: 'truncate' | 'drop' | 'keep', allowedOrigins?: string[] }
create table source (
  id text primary key,
  name text not null,
  id_space text not null default 'main',
  settings jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  revoked_at timestamptz
);
-- Only the SHA-256 (hex) of a key is stored; hint shows its last four characters.
create table write_key (
  hash text primary key,
  source text not null references source (id),
  hint text not null,
  created_at timestamptz not null default clock_timestamp(),
  revoked_at timestamptz
);
create index write_key_source on write_key (source);

create table api_key (
  id uuid primary key,
  hash text not null unique,
  hint text not null,
  name text not null,
  role text not null check (role in ('collect', 'sales', 'marketing', 'admin')),
  created_at timestamptz not null default clock_timestamp(),
  revoked_at timestamptz
);

-- Append-only: the trigger refuses every change.
create table audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  actor text not null,
  action text not null,
  target text not null,
  details jsonb not null default '{}'
);
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = '42501';
end $$;
create trigger audit_log_append_only before update or delete on audit_log for each row execute function refuse_change();
create trigger audit_log_no_truncate before truncate on audit_log for each statement execute function refuse_change();

-- document: the rulebook as JSON; versions are published, never changed.
create table rulebook_version (
  version int primary key,
  document jsonb not null,
  note text not null default '',
  created_by text not null,
  created_at timestamptz not null default clock_timestamp()
);
-- The live rulebook is the latest row; reverting publishes an old version again.
create table rulebook_publish (
  id bigint generated always as identity primary key,
  version int not null references rulebook_version (version),
  published_by text not null,
  note text not null default '',
  known_at timestamptz not null
);

create table scenario (
  name text primary key,
  active_version int,
  paused boolean not null default false,
  changed_at timestamptz not null default clock_timestamp()
);
-- json, not jsonb: the order of steps is their meaning.
create table scenario_version (
  name text not null references scenario (name),
  version int not null,
  document json not null,
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (name, version)
);

-- subject: Liquid. html: compiled from MJML when saved, Liquid left in place. One row per language.
create table template_version (
  name text not null,
  version int not null,
  locale text not null check (locale in ('ja', 'en')),
  subject text not null,
  mjml text not null,
  html text not null,
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (name, version, locale)
);
`;
