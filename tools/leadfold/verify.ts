import { InvalidArgumentError, type Command } from 'commander';
import { createProjectionPool, projectionConfig, ProjectionContext, verify } from '#libs/projection';
import { parseConfig } from '#libs/platform';
import { databaseUrl } from '../operator/connect.js';

const shown = 20;

export function register(program: Command): void {
  program
    .command('verify')
    .description('folds leads anew from the stored events and compares hashes; exits with 1 if one differs')
    .option('--sample <n>', 'only so many leads, drawn at random', positive)
    .action(async ({ sample }: { sample?: number }) => {
      const pool = createProjectionPool(
        {
          url: databaseUrl(),
          applicationName: 'leadfold-verify',
          max: 2,
          statementTimeoutMs: 0,
          idleInTransactionTimeoutMs: 0,
        },
        () => undefined,
      );
      try {
        const context = await ProjectionContext.load(pool, parseConfig(projectionConfig));
        const report = await verify(pool, context, sample === undefined ? {} : { sample });
        console.log(
          `${report.leads} leads, ${report.differences.length} differ, ${report.pending.length} pending, ${report.identityDifferences} differences in who is who`,
        );
        for (const { lead, stored, refolded } of report.differences.slice(0, shown))
          console.log(`  lead ${lead}: stored ${stored.slice(0, 12)}, events say ${refolded.slice(0, 12)}`);
        if (report.differences.length + report.identityDifferences > 0) process.exitCode = 1;
      } finally {
        await pool.end();
      }
    });
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number of 1 or more');
  return value;
}
