import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Companies: which lead belongs to which, and the row that lists of them are sorted by. */
export class Accounts1795000000010 implements MigrationInterface {
  name = 'Accounts1795000000010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}

const sql = /* sql */ `
-- Derived from the lead's attributes and written with them; company_key is what spellings of its name have in common.
alter table lead_rank add column account text, add column company_key text;
create index lead_rank_account on lead_rank (account) where account is not null;
create index lead_rank_company on lead_rank (company_key) where company_key is not null and account is null;

-- Derived from the members' states by whoever reviews; sort keys and what lists show, of the day that day says.
create table account (
  key text primary key,
  name text,
  name_key text,
  temperature text not null default 'cold',
  engagement int not null default 0,
  members int not null default 0,
  engaged int not null default 0,
  hot_members int not null default 0,
  hottest text not null default 'cold',
  roles text[] not null default '{}',
  reached boolean not null default false,
  hot_rules text[] not null default '{}',
  day int not null default 0,
  looked_at timestamptz,
  next_change_at timestamptz
) with (fillfactor = 80);
create index account_order on account (temperature, engagement desc, key);
create index account_due on account (next_change_at);
create index account_name_key on account (name_key) where name_key is not null;

-- Marks: a lead of this company was written. Appended by batches without any lock, taken away by the review of accounts.
create table account_change (account text not null);

update lead_rank k set account = 'd:' || (l.state #>> '{profile,company.domain,value}')
  from lead l where l.id = k.lead and l.state #>> '{profile,company.domain,value}' is not null;
insert into account_change select distinct account from lead_rank where account is not null;
`;
