import { InvalidArgumentError, type Command } from 'commander';
import { createProjectionPool, projectionConfig, ProjectionContext, verify, type VerifyReport } from '#libs/projection';
import { parseConfig } from '#libs/platform';
import { askToStop } from '../operator/ask-to-stop.js';
import { databaseUrl } from '../operator/connect.js';
import { progressBar } from '../operator/progress-bar.js';

const shownLeads = 20;
const shownCells = 10;

export function register(program: Command): void {
  program
    .command('verify')
    .description(
      'folds leads anew from the stored events and compares them with what is stored, while events flow in; exits with 1 if one differs',
    )
    .option('--sample <n>', 'only so many leads, drawn at random', positive)
    .option('--json', 'the whole report as JSON')
    .action(async ({ sample, json }: { sample?: number; json?: boolean }) => {
      const pool = createProjectionPool(
        {
          url: databaseUrl(),
          applicationName: 'leadfold-verify',
          max: 3,
          statementTimeoutMs: 0,
          idleInTransactionTimeoutMs: 0,
        },
        () => undefined,
      );
      const bar = progressBar();
      const asked = askToStop(() => bar.say('Stopping after the leads that are being compared.'));
      try {
        const context = await ProjectionContext.load(pool, parseConfig(projectionConfig));
        bar.show('who is who', 0, 1);
        const report = await verify(pool, context, {
          ...(sample === undefined ? {} : { sample }),
          connections: 2,
          stopped: asked.stopped,
          onProgress: (leads, total) => bar.show('folding leads', leads, total, 'leads'),
        });
        bar.end();
        console.log(json ? JSON.stringify(report, null, 2) : textOf(report));
        if (asked.stopped()) console.log('Stopped: not all leads were compared.');
        if (report.differences.length + report.identityDifferences > 0 || asked.stopped()) process.exitCode = 1;
      } finally {
        bar.end();
        asked.end();
        await pool.end();
      }
    });
}

function textOf({ leads, differences, pending, identityDifferences }: VerifyReport): string {
  const lines = [
    `${leads} leads, ${differences.length} differ, ${pending.length} pending, ${identityDifferences} differences in who is who`,
  ];
  for (const { lead, keys, cells } of differences.slice(0, shownLeads)) {
    lines.push(`  lead ${lead} (${keys.join(', ') || 'no key that an event names'})`);
    for (const { cell, stored, refolded } of cells.slice(0, shownCells))
      lines.push(`    ${cell}: stored ${told(stored)}, events say ${told(refolded)}`);
    if (cells.length > shownCells) lines.push(`    and ${cells.length - shownCells} more`);
  }
  if (differences.length > shownLeads) lines.push(`  and ${differences.length - shownLeads} more; all of them: --json`);
  return lines.join('\n');
}

const told = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number of 1 or more');
  return value;
}
