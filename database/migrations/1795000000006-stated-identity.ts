import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Who a browser was said to be, and by which events, whatever was withdrawn since: a past moment is explained from `event`
 * alone. The predicates are those of `identityOf`.
 */
export class StatedIdentity1795000000006 implements MigrationInterface {
  name = 'StatedIdentity1795000000006';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}

const sql = /* sql */ `
create index event_stated_anon on event (anon) where anon is not null and (uid is not null or email is not null)
  and (type in ('identify', 'alias', 'merge') or (type = 'track' and (body->>'links' = 'true' or body->>'name' = 'Email Clicked')));
create index event_other_key on event ((body->>'otherKey')) where type in ('alias', 'merge', 'apart');
`;
