import type { Command } from 'commander';
import {
  abandonRebuild,
  createProjectionPool,
  projectionConfig,
  ProjectionContext,
  rebuild,
  rebuildStatus,
  type RebuildStatus,
} from '#libs/projection';
import { audit, parseConfig, type Pool } from '#libs/platform';
import { askToStop } from '../operator/ask-to-stop.js';
import { databaseUrl, operator } from '../operator/connect.js';
import { progressBar } from '../operator/progress-bar.js';

export function register(program: Command): void {
  program
    .command('rebuild')
    .description(
      'all derived state anew from the stored events, beside the live one, and in its place in one step; nothing is decided or sent, lead ids stay, events may flow in meanwhile',
    )
    .option('--status', 'says how far an unfinished one is')
    .option('--abandon', 'drops what an unfinished one has built')
    .option('--threads <n>', 'how many threads read events', Number, 2)
    .action(async (options: { status?: boolean; abandon?: boolean; threads: number }) => {
      const pool = createProjectionPool(
        {
          url: databaseUrl(),
          applicationName: 'leadfold-rebuild',
          max: 4,
          statementTimeoutMs: 0,
          idleInTransactionTimeoutMs: 0,
        },
        () => undefined,
      );
      try {
        if (options.status) console.log(statusLine(await rebuildStatus(pool)));
        else if (options.abandon) await abandon(pool);
        else await run(pool, options.threads);
      } finally {
        await pool.end();
      }
    });
}

async function run(pool: Pool, threads: number): Promise<void> {
  const bar = progressBar();
  const asked = askToStop(() => bar.say('Stopping; press again to end at once.'));
  const startedAt = performance.now();
  try {
    await audit(pool, { actor: operator(), action: 'rebuild', target: 'leads' });
    const context = await ProjectionContext.load(pool, parseConfig(projectionConfig));
    const report = await rebuild(pool, context, {
      url: databaseUrl(),
      threads,
      startedBy: operator(),
      stopped: asked.stopped,
      onResumed: (job) => bar.say(`Going on with the rebuild begun at ${job.startedAt.toISOString()}.`),
      onProgress: ({ step, done, total, waitingFor }) =>
        waitingFor ? bar.say(`  the swap is tried again: ${waitingFor}`) : bar.show(step, done, total),
    });
    bar.end();
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(
      `${count(report.leads, 'lead')} rebuilt from ${count(report.events, 'event')} in ${seconds} s; ${count(report.followed, 'event')} came meanwhile and were taken in\n` +
        `swapped in one step: batches waited ${Math.ceil(report.heldMs)} ms\n` +
        `${report.corrected} were other than their events say, ${report.relinked} belonged to somebody else; nothing was decided or sent`,
    );
  } finally {
    bar.end();
    asked.end();
  }
}

async function abandon(pool: Pool): Promise<void> {
  const dropped = await abandonRebuild(pool);
  if (dropped) await audit(pool, { actor: operator(), action: 'rebuild.abandon', target: 'leads' });
  console.log(
    dropped ? 'What was built is dropped; the live projection was not touched.' : 'There is no unfinished rebuild.',
  );
}

const phases = { fold: 'reading events', merge: 'writing leads', follow: 'catching up' };

function statusLine(status: RebuildStatus | undefined): string {
  if (!status) return 'There is no unfinished rebuild.';
  const { startedAt, startedBy, phase, read, running, usable } = status;
  const begun = `begun at ${startedAt.toISOString()} by ${startedBy}`;
  if (!usable) return `${begun}; it will begin anew: its events were erased or moved, or the database crashed`;
  const where = phase === 'fold' ? `${phases[phase]}, ${Math.floor(read * 100)} % done` : phases[phase];
  return `${begun}; ${where}; ${running ? 'running' : 'at rest: run it again to go on'}`;
}

const count = (value: number, what: string): string =>
  `${value.toLocaleString('en-US')} ${what}${value === 1 ? '' : 's'}`;
