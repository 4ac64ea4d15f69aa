import fs from 'node:fs';
import { createGunzip } from 'node:zlib';
import type { Command } from 'commander';
import { createProjectionPool, importLines, projectionConfig, ProjectionContext, rebuild } from '#libs/projection';
import { audit, parseConfig } from '#libs/platform';
import { databaseUrl, operator } from '../operator/connect.js';
import { progressBar } from '../operator/progress-bar.js';

export function register(program: Command): void {
  program
    .command('import-events')
    .description(
      'takes an export into an installation that has no event yet, and derives all state from it; nobody is alerted, enrolled or written to',
    )
    .argument('<file>')
    .action(async (file: string) => {
      const bar = progressBar();
      const pool = createProjectionPool(
        {
          url: databaseUrl(),
          applicationName: 'leadfold-import',
          max: 4,
          statementTimeoutMs: 0,
          idleInTransactionTimeoutMs: 0,
        },
        () => undefined,
      );
      try {
        const bytes = fs.createReadStream(file);
        const input = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
        const counts = await importLines(pool, linesOf(input), (done, total) =>
          bar.show('importing', done, total, 'events'),
        );
        await audit(pool, { actor: operator(), action: 'import-events', target: 'event', details: { ...counts } });
        const context = await ProjectionContext.load(pool, parseConfig(projectionConfig));
        const { leads } = await rebuild(pool, context, {
          url: databaseUrl(),
          threads: 2,
          startedBy: operator(),
          onProgress: ({ step, done, total }) => bar.show(step, done, total),
        });
        bar.end();
        console.log(`${counts.events} events imported, ${leads} leads derived from them; nothing was decided or sent`);
      } finally {
        bar.end();
        await pool.end();
      }
    });
}

/** Read only as fast as they are taken, and none is lost before the first is asked for. */
async function* linesOf(input: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of input) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== '') yield rest;
}
