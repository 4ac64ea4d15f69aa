import type { Command } from 'commander';
import { liftErasure } from '#libs/nurture';
import { DomainError } from '#libs/platform';
import { operator, withPool } from '../operator/connect.js';

export function register(program: Command): void {
  program
    .command('allow-mail')
    .description('lets mail go again to an address whose person was erased, came back and consented anew')
    .requiredOption('--email <address>')
    .action(async ({ email }: { email: string }) => {
      if (!(await withPool((pool) => liftErasure(pool, email, operator()))))
        throw new DomainError('not-erased', 'No erasure holds back mail to this address.');
      console.log('mail may go to this address again, if its person has consented');
    });
}
