import type { Command } from 'commander';
import { createEventLog, eventLogConfig, type Topic } from '#libs/event-log';
import { createLogger, DomainError, parseConfig } from '#libs/platform';
import { acceptLoss } from '#libs/projection';
import { databaseUrl, operator, withPool } from '../operator/connect.js';

export function register(program: Command): void {
  program
    .command('accept-loss')
    .description(
      'lets a stopped partition go on although the log has lost records that were not applied; restart the projector afterwards',
    )
    .argument('<topic>')
    .argument('<partition>')
    .action(async (topic: Topic, partition: string) => {
      const log = createEventLog(
        { ...parseConfig(eventLogConfig), DATABASE_URL: databaseUrl() },
        createLogger('leadfold', 'warn'),
      );
      try {
        const bounds = (await log.bounds(topic)).find((one) => one.partition === Number(partition));
        if (!bounds) throw new DomainError('unknown-partition', `The log has no partition ${topic}/${partition}.`);
        const { from, to } = await withPool((pool) =>
          acceptLoss(pool, {
            topic,
            partition: Number(partition),
            begin: bounds.begin,
            end: bounds.end,
            actor: operator(),
          }),
        );
        console.log(`${topic}/${partition} goes on at ${to} instead of ${from}; restart the projector`);
      } finally {
        await log.close();
      }
    });
}
