import { Option, type Command } from 'commander';
import { eventLogConfig } from '#libs/event-log';
import { parseConfig } from '#libs/platform';
import { ErasePerson, ErasePersonHandler, erasureRequest, type ErasureRequest } from '#libs/privacy';
import { projectionConfig, ProjectionContext } from '#libs/projection';
import { operator, withPool } from '../operator/connect.js';
import { personNamed, type PersonNamed } from '../operator/person.js';

export function register(program: Command): void {
  const { requestedBy, reason } = erasureRequest.shape;
  program
    .command('erase')
    .description('removes a person for good: events, lead, deliveries and every trace; prints the proof')
    .option('--email <address>')
    .option('--user-id <id>', 'with its id space: main:42')
    .option('--lead <id>')
    .addOption(new Option('--requested-by <who>').choices(requestedBy.options).default('person'))
    .addOption(new Option('--reason <ground>').choices(reason.options).default('asked'))
    .option('--reference <number>', 'number of the case in your own files; it may not name the person')
    .option('--no-search', 'do not read every stored event for the addresses, to find those of others that name them')
    .action(async (options: PersonNamed & ErasureRequest) => {
      const ref = personNamed(options);
      const request = {
        requestedBy: options.requestedBy,
        reason: options.reason,
        reference: options.reference,
        search: options.search,
      };
      const proof = await withPool(async (pool) => {
        const context = await ProjectionContext.load(pool, parseConfig(projectionConfig));
        const handler = new ErasePersonHandler(pool, context, parseConfig(eventLogConfig));
        return handler.execute(new ErasePerson(ref, request, operator()));
      });
      console.log(JSON.stringify(proof, null, 2));
    });
}
