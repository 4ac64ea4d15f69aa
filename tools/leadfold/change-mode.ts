import type { Command } from 'commander';
import { audit, createLogger, inTransaction, parseConfig } from '#libs/platform';
import { drainToKafka, eventLogConfig, KafkaLog } from '#libs/event-log';
import { operator, databaseUrl, withPool } from '../operator/connect.js';
import { ensureServices, ServiceError } from '../services/index.js';
import { readMode } from '../supervisor/mode.js';

export function register(program: Command): void {
  program
    .command('change-mode')
    .description(
      'from embedded to full: Kafka and Redis take over, nothing is lost; every process must be stopped first',
    )
    .action(async () => {
      const local = process.env['DATABASE_URL'] === undefined;
      const services = local ? await ensureServices({ set: 'dev', requireAll: true }) : undefined;
      try {
        const recorded = await readMode(databaseUrl());
        if (recorded.eventLog === 'postgres') {
          const env = {
            ...process.env,
            EVENT_LOG: 'kafka',
            ...(services?.kafkaBrokers ? { KAFKA_BROKERS: services.kafkaBrokers } : {}),
          };
          const kafka = new KafkaLog(parseConfig(eventLogConfig, env), createLogger('leadfold', 'warn'));
          try {
            const { copied, partitions } = await withPool((pool) => drainToKafka(pool, kafka));
            console.log(`${copied} records of ${partitions} partitions copied; the log is Kafka from now on`);
          } finally {
            await kafka.close();
          }
        } else if (!recorded.eventLog)
          throw new ServiceError('No mode was chosen yet.', 'The first start chooses it: npm start');
        await changeQueue();
        console.log(`mode changed by ${operator()}`);
      } finally {
        await services?.stop();
      }
    });
}

/** The queue holds no truth: what is due is added again by the relay. */
async function changeQueue(): Promise<void> {
  await withPool((pool) =>
    inTransaction(pool, async (client) => {
      await client.query(
        `insert into setting (key, value) values ('job-queue-mode', '"redis"')
         on conflict (key) do update set value = excluded.value, changed_at = clock_timestamp()`,
      );
      await audit(client, { actor: operator(), action: 'mode.change', target: 'full' });
    }),
  );
}
