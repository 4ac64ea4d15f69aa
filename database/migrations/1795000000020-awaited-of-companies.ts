import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Conditions about a company that a scenario awaits: which of them held when it was last looked at. */
export class AwaitedOfCompanies1795000000020 implements MigrationInterface {
  name = 'AwaitedOfCompanies1795000000020';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}

const sql = /* sql */ `
-- As listened for. Null: cannot be told, so that the next look wakes whoever waits.
alter table account add column held text[];
-- what ran before this was not woken by its company: all are looked at once
insert into account_change select key from account;
`;
