import type { Command } from 'commander';
import { createProjectionPool, projectionConfig, ProjectionContext, rebuild } from '#libs/projection';
import { audit, parseConfig } from '#libs/platform';
import { databaseUrl, operator } from '../operator/connect.js';

export function register(program: Command): void {
  program
    .command('rebuild')
    .description(
      'all derived state anew from the stored events; nothing is decided or sent, lead ids stay, events may flow in meanwhile',
    )
    .action(async () => {
      const pool = createProjectionPool(
        {
          url: databaseUrl(),
          applicationName: 'leadfold-rebuild',
          max: 2,
          statementTimeoutMs: 0,
          idleInTransactionTimeoutMs: 0,
        },
        () => undefined,
      );
      try {
        await audit(pool, { actor: operator(), action: 'rebuild', target: 'leads' });
        const startedAt = performance.now();
        const context = await ProjectionContext.load(pool, parseConfig(projectionConfig));
        const report = await rebuild(pool, context, ({ leads }) => process.stderr.write(`\r${leads} leads`));
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
        console.log(
          `\r${report.leads} leads rebuilt in ${seconds} s; ${report.corrected} were other than their events say, ${report.relinked} belonged to somebody else`,
        );
      } finally {
        await pool.end();
      }
    });
}
