import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A browser that more people have identified than the limit allows is nobody's: what was said of it lies apart. */
export class BrowserLimit1795000000021 implements MigrationInterface {
  name = 'BrowserLimit1795000000021';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}

const sql = /* sql */ `
-- All identifications of such a browser, and of no other; a browser's rows lie here or in \`identification\`, never in both.
-- In the order of its people: how many there are is counted by stepping from one to the next.
create table skipped_identification (
  anon text not null,
  strong text not null,
  event uuid not null,
  at timestamptz not null,
  batch bigint not null,
  primary key (anon, strong, event)
);
create index skipped_identification_strong on skipped_identification (strong);
create index skipped_identification_event on skipped_identification (event);
-- what an operator looks through, newest first
create index skipped_identification_at on skipped_identification (at, event);
`;
