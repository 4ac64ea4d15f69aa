import { Lanes } from '../lanes.js';
import type { ConsumeOptions, Consumer, ConsumerHandlers } from '../port.js';
import { KafkaLane } from './kafka-lane.js';
import { forgetConsumer } from './member-names.js';
import type { KafkaConsumerSurroundings } from './surroundings.js';

/**
 * One group per topic: within one group a client assigns every topic alike and fetches them in one answer, so an urgent
 * record would wait for the batches before it. The lanes share the places of `concurrency`.
 */
export async function consumeKafka(
  surroundings: KafkaConsumerSurroundings,
  options: ConsumeOptions,
  handlers: ConsumerHandlers,
): Promise<Consumer> {
  const lanes = new Lanes(options.concurrency, options.topics.length);
  const running: KafkaLane[] = [];
  let end: () => void;
  let fail: (error: Error) => void;
  const ended = new Promise<void>((resolve, reject) => ((end = resolve), (fail = reject)));
  ended.catch(() => undefined);
  let stopping: Promise<void> | undefined;
  const stop = () =>
    (stopping ??= Promise.all(running.map((lane) => lane.stop())).then(() => {
      forgetConsumer(surroundings.clientId);
      end();
    }));
  try {
    for (const [lane, topic] of options.topics.entries())
      running.push(
        new KafkaLane({ ...surroundings, options, handlers, lanes, lane, topic, fail: (error) => fail(error) }),
      );
    await Promise.all(running.map((lane) => lane.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  return { ended, stop };
}
