import { InvalidArgumentError, type Command } from 'commander';
import {
  createProjectionPool,
  projectionConfig,
  ProjectionContext,
  verify,
  type Difference,
  type VerifyReport,
} from '#libs/projection';
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
      'folds leads anew from the stored events, looks at companies anew, and compares both with what is stored, while events flow in; exits with 1 if one differs',
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
          onAccounts: (accounts, total) => bar.show('looking at companies', accounts, total, 'companies'),
          onProgress: (leads, total) => bar.show('folding leads', leads, total, 'leads'),
        });
        bar.end();
        console.log(json ? JSON.stringify(report, null, 2) : textOf(report));
        if (asked.stopped()) console.log('Stopped: not all leads were compared.');
        if (
          report.differences.length + report.accountDifferences.length + report.identityDifferences > 0 ||
          asked.stopped()
        )
          process.exitCode = 1;
      } finally {
        bar.end();
        asked.end();
        await pool.end();
      }
    });
}

function textOf(report: VerifyReport): string {
  const { leads, differences, pending, identityDifferences, accounts, accountDifferences, accountsPending } = report;
  const lines = [
    `${leads} leads, ${differences.length} differ, ${pending.length} pending, ${identityDifferences} differences in who is who`,
    `${accounts} companies, ${accountDifferences.length} differ, ${accountsPending.length} pending`,
  ];
  const list = (named: { name: string; cells: Difference['cells'] }[]): void => {
    for (const { name, cells } of named.slice(0, shownLeads)) {
      lines.push(`  ${name}`);
      for (const { cell, stored, refolded } of cells.slice(0, shownCells))
        lines.push(`    ${cell}: stored ${told(stored)}, events say ${told(refolded)}`);
      if (cells.length > shownCells) lines.push(`    and ${cells.length - shownCells} more`);
    }
    if (named.length > shownLeads) lines.push(`  and ${named.length - shownLeads} more; all of them: --json`);
  };
  const keyless = 'no key that an event names';
  list(differences.map(({ lead, keys, cells }) => ({ name: `lead ${lead} (${keys.join(', ') || keyless})`, cells })));
  list(accountDifferences.map(({ account, cells }) => ({ name: `company ${account}`, cells })));
  return lines.join('\n');
}

const told = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number of 1 or more');
  return value;
}
