import { PartitionAssigners, type Consumer, type EachBatchPayload } from 'kafkajs';
import { partitionCount } from '../port.js';
import { RecordReader } from './encoded-records.js';
import { Gathering, type Waiting } from './gathering.js';
import { Membership } from './membership.js';
import { eachBroker } from './open-broker.js';
import { OffsetHints } from './offset-hints.js';
import { PatientFetch } from './patient-fetch.js';
import { Places, type Place } from './places.js';
import type { LaneOptions } from './surroundings.js';
import { fetchSingleRecords, fetchWholeBatches } from './whole-batches.js';

const heartbeatMs = 3_000;
const backOffMs = { first: 200, most: 10_000 };

/** One topic's consumer: kafkajs fetches, PostgreSQL's offset rules where to begin, the lanes say whose turn it is. */
export class KafkaLane {
  private readonly consumer: Consumer;
  private readonly fetching = new PatientFetch();
  private readonly places: Places;
  private readonly hints: OffsetHints;
  private readonly gathering: Gathering;
  private readonly name: string;
  private readonly stopping = new AbortController();
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(private readonly own: LaneOptions) {
    this.name = own.names.onBroker(own.topic);
    const groupId = own.names.group(own.options.group, own.topic);
    const membership = new Membership(groupId, own.clientId, own.log);
    this.consumer = own.kafka.consumer({
      groupId,
      allowAutoTopicCreation: false,
      sessionTimeout: 10_000,
      heartbeatInterval: heartbeatMs,
      minBytes: 1,
      maxWaitTimeInMs: 1_000,
      partitionAssigners: [
        // kafkajs hands the connections of a consumer to its assigners, and to nobody else
        (of) => {
          eachBroker(of.cluster, (broker) => {
            this.fetching.teach(broker);
            membership.teach(broker);
          });
          return PartitionAssigners.roundRobin(of);
        },
      ],
      // short pauses and many: a broker that is back is noticed within half a second
      retry: { retries: 20, initialRetryTime: 100, multiplier: 2, maxRetryTime: 500 },
    });
    this.places = new Places(own, this.consumer, this.name);
    this.gathering = new Gathering(own, this.stopping.signal);
    this.hints = new OffsetHints(this.consumer, this.name, own.log);
  }

  /** Resolves when this member has partitions, or knows that it has none. */
  async start(): Promise<void> {
    const { handlers, lane, lanes, log, topic, fail } = this.own;
    const { events } = this.consumer;
    const joined = new Promise<void>((resolve) => {
      this.consumer.on(events.GROUP_JOIN, ({ payload }) => {
        lanes.clear(lane);
        void this.places.assign(payload.memberAssignment[this.name] ?? []).then(resolve);
        log.info({ topic, partitions: payload.memberAssignment[this.name] ?? [] }, 'partitions assigned');
      });
    });
    this.consumer.on(events.FETCH, () => handlers.alive());
    this.consumer.on(events.REBALANCING, () => lanes.clear(lane));
    const crashed = new Promise<never>((_, reject) => {
      this.consumer.on(events.CRASH, ({ payload }) => {
        lanes.clear(lane);
        this.places.lose();
        if (payload.restart) return log.warn({ topic, cause: payload.error.message }, 'consumer restarts');
        log.error({ topic, cause: payload.error.message }, 'consumer cannot go on');
        fail(payload.error);
        reject(payload.error);
      });
    });
    crashed.catch(() => undefined);
    fetchWholeBatches(this.name);
    await this.consumer.connect();
    await this.consumer.subscribe({ topic: this.name, fromBeginning: true });
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // how many are at work at a time, the lanes say
      partitionsConsumedConcurrently: partitionCount,
      eachBatch: (payload) => this.take(payload),
    });
    await Promise.race([joined, crashed]);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.places.end();
    for (const timer of this.timers) clearTimeout(timer);
    this.hints.end();
    this.own.lanes.clear(this.own.lane);
    this.fetching.stop();
    await this.consumer.disconnect().catch((error: Error) => {
      this.own.log.warn({ topic: this.own.topic, cause: error.message }, 'consumer did not leave cleanly');
    });
    fetchSingleRecords(this.name);
  }

  private async take(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const place = await this.places.of(batch.partition);
    if (!place || payload.isStale()) return;
    const fetchedAt = Number((batch as unknown as { fetchedOffset: string | number }).fetchedOffset);
    // answered from elsewhere (a truncated or recreated topic): compare with what is applied once more
    if (fetchedAt < place.next || (fetchedAt > place.next && !place.doubted))
      return this.places.assignAgain(batch.partition);
    const heart = this.keepBeating(payload, place);
    try {
      await this.handOut(payload, place, fetchedAt);
    } finally {
      const lost = heart.stop();
      if (lost && !this.stopping.signal.aborted) {
        void this.places.assignAgain(batch.partition);
        // thrown here it makes the client join again; swallowed it would wait for the next fetch
        throw lost;
      }
    }
  }

  private async handOut(payload: EachBatchPayload, place: Place, fetchedAt: number): Promise<void> {
    const { batch } = payload;
    const { lane, lanes, topic } = this.own;
    const highWatermark = Number(batch.highWatermark);
    const reader = new RecordReader(batch.messages, fetchedAt);
    let goesOn = true;
    const waiting: Waiting = {
      place,
      slice: (most) => {
        const records = reader.take(most);
        const nextPosition = reader.done ? Number(batch.lastOffset()) + 1 : records.at(-1)!.position + 1;
        return { topic, partition: batch.partition, records, nextPosition, highWatermark };
      },
      done: ({ nextPosition }, outcome) => {
        goesOn = false;
        place.failures = 0;
        if (place.lost.signal.aborted) return;
        if (outcome.kind === 'stop') return this.places.stop(place, outcome.reason);
        if (outcome.kind === 'seek') return this.places.seek(place, outcome.position);
        place.next = outcome.next;
        lanes.setBehind(lane, String(batch.partition), outcome.next < highWatermark);
        if (outcome.next !== nextPosition) return this.places.seek(place, outcome.next);
        payload.resolveOffset(String(nextPosition - 1));
        this.hints.note(batch.partition, nextPosition);
        goesOn = true;
      },
      failed: (error) => {
        goesOn = false;
        this.backOff(place, error);
      },
    };
    while (goesOn && !reader.done && !place.lost.signal.aborted) await this.gathering.hand(waiting);
  }

  /** The same batch again, later; other partitions go on meanwhile. */
  private backOff(place: Place, error: Error): void {
    place.failures += 1;
    const waitMs = Math.min(backOffMs.first * 2 ** (place.failures - 1), backOffMs.most);
    const fields = {
      topic: this.own.topic,
      partition: place.partition,
      failures: place.failures,
      waitMs,
      cause: error.message,
    };
    this.own.log.warn(fields, 'batch failed, will be tried again');
    if (this.stopping.signal.aborted) return;
    this.own.lanes.setBehind(this.own.lane, String(place.partition), false);
    this.places.seek(place, place.next);
    const scope = [{ topic: this.name, partitions: [place.partition] }];
    this.consumer.pause(scope);
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (!place.stopped) this.consumer.resume(scope);
    }, waitMs);
    this.timers.add(timer);
  }

  private keepBeating(payload: EachBatchPayload, place: Place): { stop(): Error | undefined } {
    let lost: Error | undefined;
    let stopped = false;
    const beat = () => {
      payload.heartbeat().then(
        () => stopped || timer.refresh(),
        (error: Error) => {
          lost = error;
          place.lost.abort();
        },
      );
    };
    const timer = setTimeout(beat, heartbeatMs);
    return {
      stop: () => {
        stopped = true;
        clearTimeout(timer);
        return lost;
      },
    };
  }
}
