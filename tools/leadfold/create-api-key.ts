import { Option, type Command } from 'commander';
import { createApiKey } from '../../apps/api/src/access/api-key.store.js';
import { operator, withPool } from '../operator/connect.js';

const roles = ['collect', 'sales', 'marketing', 'admin'] as const;

export function register(program: Command): void {
  program
    .command('create-api-key')
    .description('make a key for the api; it is shown once')
    .requiredOption('--name <name>', 'who or what will use it')
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).makeOptionMandatory())
    .action(async ({ name, role }: { name: string; role: (typeof roles)[number] }) => {
      const { key } = await withPool((pool) => createApiKey(pool, { name, role, actor: operator() }));
      console.log(key);
    });
}
