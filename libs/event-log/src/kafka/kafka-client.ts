import { Kafka, logLevel, type LogEntry, type SASLOptions } from 'kafkajs';
import type { Logger } from '#libs/platform';
import type { EventLogConfig } from '../event-log.config.js';
import type { Topic } from '../port.js';
import { quietRequestQueue } from './quiet-request-queue.js';

/**
 * Sends give up a request that is not answered. Consumers do without: the client's check wakes up ten times a second for
 * every connection, and a consumer whose broker is silent is ended by the watchdog over `alive()`.
 */
export function createKafka(
  config: EventLogConfig,
  log: Logger,
  purpose: 'send' | 'consume',
  clientId = 'leadfold',
): Kafka {
  quietRequestQueue();
  return new Kafka({
    clientId,
    brokers: config.KAFKA_BROKERS.split(',').map((broker) => broker.trim()),
    ...(config.KAFKA_SSL && { ssl: true }),
    ...(config.KAFKA_SASL_MECHANISM && { sasl: saslOf(config) }),
    connectionTimeout: 1_500,
    authenticationTimeout: 3_000,
    requestTimeout: 10_000,
    enforceRequestTimeout: purpose === 'send',
    retry: { retries: 3, initialRetryTime: 50, factor: 0.2, multiplier: 2, maxRetryTime: 500 },
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => relay(log, entry),
  });
}

function saslOf(config: EventLogConfig): SASLOptions {
  const {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username = '',
    KAFKA_SASL_PASSWORD: password = '',
  } = config;
  return { mechanism, username, password } as SASLOptions;
}

/** kafkajs calls a normal rebalance and a failed attempt ERROR; what a person must act on, the adapter says itself. */
function relay(log: Logger, { level, namespace, log: entry }: LogEntry): void {
  const { message, error, groupId, broker } = entry as Record<string, unknown>;
  const fields = { namespace, client: message, cause: error, groupId, broker };
  const ordinary = /rebalanc|re-join|^Response /i.test(`${String(message)} ${String(error)}`);
  if (level === logLevel.ERROR && !ordinary) log.info(fields, 'kafka client');
  else log.debug(fields, 'kafka client');
}

/** Names on the broker carry the prefix; the rest of the code knows topics only by their own names. */
export class TopicNames {
  constructor(readonly prefix: string) {}

  onBroker(topic: Topic): string {
    return this.prefix + topic;
  }

  group(group: string, topic: Topic): string {
    return `${this.prefix}${group}.${topic}`;
  }
}
