import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was decided and not acted on: found without reading every event, and released at most once. */
export class HeldDecisions1795000000011 implements MigrationInterface {
  name = 'HeldDecisions1795000000011';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}

const sql = /* sql */ `
create index event_held_crossing on event (batch, id)
  where kind = 'decision' and body->>'decision' = 'hot' and body->>'cause' = 'publish';
create index event_held_move on event (occurred_at desc, id)
  where kind = 'decision' and body->>'decision' = 'held';
create index delivery_crossing on delivery (crossing) where crossing is not null;

-- One row per quiet crossing whose alerts a person let go after all.
create table alert_release (
  crossing uuid primary key,
  released_by text not null,
  released_at timestamptz not null
);
`;
