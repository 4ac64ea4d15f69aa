import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A judgement reads the day it touches, not the lead's history: the events of a key lie in order of time. */
export class EventsOfADay1795000000012 implements MigrationInterface {
  name = 'EventsOfADay1795000000012';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}

const sql = /* sql */ `
create index event_uid_at on event (uid, occurred_at) where uid is not null;
create index event_email_at on event (email, occurred_at) where email is not null;
-- what an operator looks through: links that were skipped
create index link_skipped on link (at, event) where state = 'skipped';
drop index event_uid;
drop index event_email;
`;
