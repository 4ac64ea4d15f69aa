import type { PoolClient } from '#libs/platform';
import { before, type Cut } from './cut.js';

/** What is derived, and exchanged as a whole. Keys with their lead ids are no part of it: they are handles that stay. */
export const derivedTables = [
  'lead',
  'lead_rank',
  'link',
  'apart',
  'identification',
  'skipped_identification',
  'unapplied_judgement',
] as const;
export type DerivedTable = (typeof derivedTables)[number];

/**
 * The same statements find the new tables: names are looked up in `rebuild` first. `event` is a view there that ends at the
 * cut, so whatever is refolded sees exactly what the new projection is to hold.
 */
export const toShadow = (client: PoolClient) => client.query('set search_path = rebuild, public');

/** Bulk statements read whole tables; the plans pinned for look-ups would walk their indexes instead. */
export const forBulk = (client: PoolClient) =>
  client.query(
    `set search_path = rebuild, public; set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set plan_cache_mode = auto;
      set enable_seqscan = on; set enable_hashjoin = on; set enable_mergejoin = on; set work_mem = '64MB'; set jit = off`,
  );

export const clearShadow = (client: PoolClient) =>
  client.query(
    'drop schema if exists rebuild cascade; drop schema if exists rebuild_old cascade; create schema rebuild; delete from public.rebuild_job',
  );

/** Without indexes: rows come first. Helpers are unlogged; a crash empties them together, and the work begins anew. */
export async function createShadow(client: PoolClient, cut: Cut): Promise<void> {
  for (const table of derivedTables) {
    await client.query(
      `create table rebuild.${table} (like public.${table} including defaults including generated including storage)`,
    );
    const { rows } = await client.query<{ options: string | null; grants: string[] }>(
      `select array_to_string(c.reloptions, ', ') as options, array(
          select format('grant %s on rebuild.${table} to %s', a.privilege_type, case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end)
          from aclexplode(c.relacl) a where a.grantee <> c.relowner) as grants
        from pg_class c where c.oid = 'public.${table}'::regclass`,
    );
    if (rows[0]!.options) await client.query(`alter table rebuild.${table} set (${rows[0]!.options})`);
    for (const grant of rows[0]!.grants) await client.query(grant);
  }
  await client.query(
    `create unlogged table rebuild.part (part int primary key, next_page bigint not null default 0, events bigint not null default 0, merged bool not null default false);
    create unlogged table rebuild.part_state (key text not null, state text, memory text);
    create unlogged table rebuild.relink (lead bigint primary key, root bigint not null, mixed bool not null);
    create unlogged table rebuild.differing (lead bigint primary key);
    create unlogged table rebuild.batch (like public.batch)`,
  );
  await showEventsBefore(client, cut);
}

export const showEventsBefore = (client: PoolClient, cut: Cut) =>
  client.query(`create or replace view rebuild.event as select * from public.event e where ${before(cut, 'e.batch')}`);

/** The same indexes and constraints under the same names. */
export async function indexShadow(client: PoolClient, tables: readonly DerivedTable[]): Promise<void> {
  for (const table of tables) {
    const { rows } = await client.query<{ sql: string }>(
      `select format('alter table rebuild.${table} add constraint %I %s', conname, pg_get_constraintdef(oid)) as sql
          from pg_constraint where conrelid = 'public.${table}'::regclass and contype in ('p', 'u', 'c', 'x', 'f')
            and not exists (select 1 from pg_constraint o where o.conrelid = 'rebuild.${table}'::regclass and o.conname = pg_constraint.conname)
        union all select replace(pg_get_indexdef(i.indexrelid), ' ON public.', ' ON rebuild.') from pg_index i
          where i.indrelid = 'public.${table}'::regclass and not exists (select 1 from pg_constraint c where c.conindid = i.indexrelid)
            and to_regclass('rebuild.' || quote_ident((select relname from pg_class where oid = i.indexrelid))) is null`,
    );
    for (const { sql } of rows) await client.query(sql);
    await client.query(`analyze rebuild.${table}`);
  }
}

/** Names only: nothing is copied, so it takes no longer for a million leads than for one. */
export async function exchange(client: PoolClient): Promise<void> {
  await client.query('create schema if not exists rebuild_old');
  for (const table of derivedTables) await client.query(`alter table public.${table} set schema rebuild_old`);
  for (const table of derivedTables) await client.query(`alter table rebuild.${table} set schema public`);
}

export const dropExchanged = (client: PoolClient) => client.query('drop schema if exists rebuild_old cascade');
