import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds the opens and clicks of mails that the collector itself saw, for the verdicts on them. */
export class MailHits1795000000005 implements MigrationInterface {
  name = 'MailHits1795000000005';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}

// the cheap comparison first: it spares every other event the look into its body
const hit = "source = 'collector' and type = 'track' and body ->> 'name' in ('Email Opened', 'Email Clicked')";

const sql = /* sql */ `
create index event_mail_hit on event (received_at) where ${hit};
create index event_mail_hit_delivery on event ((body #>> '{properties,deliveryId}')) where ${hit};
`;
