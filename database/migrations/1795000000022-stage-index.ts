import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lists are found by temperature and score, and the funnel counts everybody: nobody asked this index, and each new lead paid for it. */
export class StageIndex1795000000022 implements MigrationInterface {
  name = 'StageIndex1795000000022';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('drop index lead_rank_stage');
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup');
  }
}
