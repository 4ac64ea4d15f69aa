import type { Command } from 'commander';
import { migrations } from '#migrations';
import { migrate } from '#libs/platform';
import { databaseUrl } from '../operator/connect.js';

export function register(program: Command): void {
  program
    .command('migrate')
    .description('bring the schema up to date (one at a time, safe to repeat)')
    .action(async () => {
      const ran = await migrate(databaseUrl(), migrations);
      console.log(ran.length ? ran.map((name) => `ran ${name}`).join('\n') : 'nothing to do: the schema is up to date');
    });
}
