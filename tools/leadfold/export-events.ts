import fs from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { exportLines, type ExportCounts } from '#libs/projection';
import { audit } from '#libs/platform';
import { operator, withPool } from '../operator/connect.js';
import { progressBar } from '../operator/progress-bar.js';

export function register(program: Command): void {
  program
    .command('export-events')
    .description(
      'the whole record as JSON lines: events, when they became known, rulebooks and suppressed addresses; a name that ends in .gz is compressed',
    )
    .argument('<file>')
    .action(async (file: string) => {
      const bar = progressBar();
      const counts: ExportCounts = { events: 0, batches: 0, rulebooks: 0, suppressions: 0 };
      await withPool(async (pool) => {
        await audit(pool, { actor: operator(), action: 'export-events', target: 'event' });
        const lines = Readable.from(
          exportLines(pool, counts, (done, total) => bar.show('exporting', done, total, 'events')),
        );
        const out = fs.createWriteStream(file, { flags: 'wx', mode: 0o600 });
        await (file.endsWith('.gz') ? pipeline(lines, createGzip(), out) : pipeline(lines, out));
      });
      bar.end();
      console.log(
        `${counts.events} events, ${counts.batches} batches, ${counts.rulebooks} rulebooks and ${counts.suppressions} suppressed addresses are in ${file}`,
      );
    });
}
