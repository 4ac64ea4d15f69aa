import type { Command } from 'commander';
import { createSource, createWriteKey } from '#libs/sources';
import { operator, withPool } from '../operator/connect.js';

export function register(program: Command): void {
  program
    .command('create-source')
    .description('make a source of events and its write key, which is shown once')
    .requiredOption('--id <id>', 'short and lasting: it is part of every event id')
    .option('--name <name>', 'what people read; the id by default')
    .option('--id-space <space>', 'sources of one space share their user ids', 'main')
    .action(async (options: { id: string; name?: string; idSpace: string }) => {
      const key = await withPool(async (pool) => {
        await createSource(pool, {
          id: options.id,
          name: options.name ?? options.id,
          idSpace: options.idSpace,
          actor: operator(),
        });
        return (await createWriteKey(pool, { source: options.id, actor: operator() })).key;
      });
      console.log(key);
    });

  program
    .command('create-write-key')
    .description('make another write key for a source; it is shown once')
    .requiredOption('--source <id>')
    .action(async ({ source }: { source: string }) => {
      console.log((await withPool((pool) => createWriteKey(pool, { source, actor: operator() }))).key);
    });
}
