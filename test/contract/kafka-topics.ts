import { Kafka, logLevel } from 'kafkajs';
import { topics } from '#libs/event-log';

/** The broker is shared: a test that made topics under these prefixes takes them away again. */
export async function deleteTopics(brokers: string, prefixes: string[]): Promise<void> {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const ours = prefixes.flatMap((prefix) => Object.values(topics).map((topic) => prefix + topic));
  const existing = new Set(await admin.listTopics());
  await admin.deleteTopics({ topics: ours.filter((topic) => existing.has(topic)) });
  await admin.disconnect();
}
