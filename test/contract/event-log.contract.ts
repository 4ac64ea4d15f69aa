import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  partitionCount,
  partitionOf,
  topics,
  type Consumer,
  type ConsumeOptions,
  type EventLog,
  type LogRecord,
  type Topic,
} from '#libs/event-log';
import { Applied, record, until } from './event-log.applied.js';

/** What a test needs from an adapter: logs that share one store, as processes do. */
export interface EventLogUnderTest {
  open(): EventLog;
  /** A store of its own: records of one test are never another's. */
  fresh(): Promise<void>;
  end(): Promise<void>;
}

const options: ConsumeOptions = { group: 'contract', topics: [topics.urgent, topics.events], concurrency: 4, maxRecords: 500 };

const numbered = (count: number, prefix: string, topic: Topic = topics.events) =>
  Array.from({ length: count }, (_, n) => record(`a:${prefix}-${n % 50}`, `${prefix}-${n}`, topic));

/** Every adapter of the event log passes all of this. */
export function eventLogContract(name: string, make: () => Promise<EventLogUnderTest>): void {
  describe(`the event log on ${name}`, () => {
    let store: EventLogUnderTest;
    const consumers: Consumer[] = [];
    const logs: EventLog[] = [];

    beforeAll(async () => {
      store = await make();
    });
    afterAll(() => store.end());

    const withLog = async (work: (log: EventLog, consume: (handlers: Applied, more?: Partial<ConsumeOptions>) => Promise<Consumer>) => Promise<void>) => {
      await store.fresh();
      const log = open();
      try {
        await log.prepare();
        await work(log, async (handlers, more) => {
          const consumer = await log.consume({ ...options, ...more }, handlers);
          consumers.push(consumer);
          return consumer;
        });
      } finally {
        await Promise.all(consumers.splice(0).map((consumer) => consumer.stop()));
        await Promise.all(logs.splice(0).map((each) => each.close()));
      }
    };
    const open = (): EventLog => {
      const log = store.open();
      logs.push(log);
      return log;
    };
    const appendAll = async (log: EventLog, records: LogRecord[]) => {
      const { acked, error } = await log.append(records);
      expect(error).toBeUndefined();
      expect(acked).toEqual(records.map(() => true));
    };

    test('makes both topics with twelve partitions, and again changes nothing', () =>
      withLog(async (log) => {
        await log.prepare();
        for (const topic of Object.values(topics)) {
          const bounds = await log.bounds(topic);
          expect(bounds.map((each) => each.partition)).toEqual(Array.from({ length: partitionCount }, (_, n) => n));
          expect(bounds.every((each) => each.begin === 0 && each.end === 0)).toBe(true);
        }
        expect(await log.reachable()).toBe(true);
      }));

    test('I3: what is acknowledged lies in the partition of its key, in order, with positions from 0', () =>
      withLog(async (log, consume) => {
        const records = numbered(1_200, 'r');
        await appendAll(log, records.slice(0, 500));
        await appendAll(log, records.slice(500, 700));
        await Promise.all(records.slice(700).map((each) => appendAll(log, [each])));
        const applied = new Applied();
        await consume(applied);
        await until('all records', () => applied.seen.length >= 1_200);
        expect(new Set(applied.values()).size).toBe(1_200);
        expect(applied.seen).toHaveLength(1_200);
        for (const each of applied.seen) expect(each.partition).toBe(partitionOf(each.key));
        for (const { partition, end } of await log.bounds(topics.events)) {
          const positions = applied.seen.filter((each) => each.partition === partition).map((each) => each.position);
          expect(positions).toEqual(Array.from({ length: end }, (_, n) => n));
        }
        const first = applied.seen.filter((each) => each.key === 'a:r-7' && Number(each.value.slice(2)) < 700);
        expect(first.map((each) => each.value)).toEqual(Array.from({ length: 14 }, (_, n) => `r-${n * 50 + 7}`));
      }));

    test('keeps headers, umlauts, emoji and large values as they came', () =>
      withLog(async (log, consume) => {
        const odd = { ...record('u:main:山田', 'x'), value: JSON.stringify({ value: `見積 🚀 ${'ä'.repeat(30_000)}` }), headers: { ce_source: '/leadfold/サイト', empty: '' } };
        await appendAll(log, [odd]);
        const applied = new Applied();
        let headers: Record<string, string> = {};
        applied.onBatch = (batch) => ((headers = batch.records[0]!.headers), Promise.resolve(undefined));
        await consume(applied);
        await until('the record', () => applied.seen.length === 1);
        expect(headers).toEqual(odd.headers);
        expect(applied.seen[0]).toMatchObject({ key: odd.key, value: (JSON.parse(odd.value) as { value: string }).value });
      }));

    test('begins where the handler says after a restart, and leaves nothing out', () =>
      withLog(async (log, consume) => {
        await appendAll(log, numbered(300, 'before'));
        const applied = new Applied();
        const first = await consume(applied, { maxRecords: 10 });
        await until('some records', () => applied.seen.length > 50);
        await first.stop();
        await expect(first.ended).resolves.toBeUndefined();
        await appendAll(log, numbered(300, 'after'));
        await consume(applied);
        await until('all records', () => new Set(applied.values()).size === 600);
        expect(applied.seen).toHaveLength(600);
      }));

    test('I4: a handler that throws gets the same batch again; other partitions go on meanwhile', () =>
      withLog(async (log, consume) => {
        await appendAll(log, numbered(200, 'r'));
        const applied = new Applied();
        const broken = partitionOf('a:r-0');
        const others = numbered(200, 'r').filter((each) => partitionOf(each.key) !== broken).length;
        let failures = 0;
        applied.onBatch = (batch) => {
          // at least three times, and until every other partition went past
          if (batch.partition !== broken || (failures >= 3 && applied.seen.length >= others)) return Promise.resolve(undefined);
          failures += 1;
          return Promise.reject(new Error('database away'));
        };
        await consume(applied);
        await until('all records', () => applied.seen.length === 200);
        expect(failures).toBeGreaterThanOrEqual(3);
        expect(new Set(applied.values()).size).toBe(200);
      }));

    test('a seek outcome fetches again from there', () =>
      withLog(async (log, consume) => {
        await appendAll(log, Array.from({ length: 20 }, (_, n) => record('a:one', `r-${n}`)));
        const applied = new Applied();
        let sought = false;
        applied.onBatch = (batch) => {
          if (sought || batch.nextPosition < 20) return Promise.resolve(undefined);
          sought = true;
          return Promise.resolve({ kind: 'seek', position: 5 });
        };
        await consume(applied, { maxRecords: 10 });
        await until('the last record', () => applied.values().includes('r-19'));
        expect(applied.seen.map((each) => each.position)).toEqual([...Array(10).keys(), ...Array.from({ length: 15 }, (_, n) => n + 5)]);
      }));

    test('a stopped partition stands still, the others go on', () =>
      withLog(async (log, consume) => {
        await appendAll(log, numbered(100, 'r'));
        const stopped = partitionOf('a:r-0');
        const applied = new Applied();
        let calls = 0;
        applied.onBatch = (batch) => Promise.resolve(batch.partition === stopped ? ((calls += 1), { kind: 'stop', reason: 'gap' }) : undefined);
        await consume(applied);
        const others = numbered(100, 'r').filter((each) => partitionOf(each.key) !== stopped).length;
        await until('the others', () => applied.seen.length === others);
        await appendAll(log, numbered(100, 's'));
        await until('the others again', () => applied.seen.length === others + numbered(100, 's').filter((each) => partitionOf(each.key) !== stopped).length);
        expect(calls).toBe(1);
      }));

    test('urgent records overtake a backlog of 20,000', () =>
      withLog(async (log, consume) => {
        for (let n = 0; n < 4; n += 1) await appendAll(log, numbered(5_000, `b${n}`));
        await appendAll(log, numbered(300, 'first', topics.urgent));
        const applied = new Applied();
        let late: Promise<void> | undefined;
        let seenWhenAppended = 0;
        applied.onBatch = async () => {
          await delay(5);
          if (applied.seen.length > 3_000) {
            late ??= appendAll(log, numbered(100, 'late', topics.urgent)).then(() => void (seenWhenAppended = applied.seen.length));
          }
          return undefined;
        };
        await consume(applied, { maxRecords: 100 });
        await until('everything', () => applied.seen.length === 20_400, 60_000);
        await late;
        // all that lay there at the start went first
        expect(applied.seen.slice(0, 300).every((each) => each.topic === topics.urgent)).toBe(true);
        // what came in the middle waited for no more than the batches already handed out and a few fetches
        const lastLate = applied.seen.findLastIndex((each) => each.value.startsWith('late-'));
        expect(seenWhenAppended).toBeLessThan(20_000);
        expect(lastLate - seenWhenAppended).toBeLessThan(4_000);
      }), 90_000);

    test('one batch at a time per partition, several partitions at once, no batch above its limit', () =>
      withLog(async (log, consume) => {
        await appendAll(log, numbered(2_000, 'r'));
        const applied = new Applied();
        const busy = new Set<string>();
        let overlaps = 0;
        let largest = 0;
        applied.onBatch = async ({ topic, partition, records }) => {
          const place = `${topic}|${partition}`;
          if (busy.has(place)) overlaps += 1;
          busy.add(place);
          largest = Math.max(largest, records.length);
          await delay(5);
          busy.delete(place);
          return undefined;
        };
        await consume(applied, { maxRecords: 50, concurrency: 3 });
        await until('all records', () => applied.seen.length === 2_000);
        expect({ overlaps, largest, mostActive: applied.mostActive }).toEqual({ overlaps: 0, largest: 50, mostActive: 3 });
      }));

    test('two consumers share the partitions; when one leaves, the other takes over', () =>
      withLog(async (log, consume) => {
        const both = new Applied();
        const [one, two] = [new Applied(), new Applied()];
        for (const each of [one, two]) {
          each.assigned = both.assigned;
          each.onBatch = (batch) => both.batch(batch, new AbortController().signal);
        }
        await consume(one);
        const other = open();
        const second = await other.consume(options, two);
        let round = 0;
        await shared();
        await second.stop();
        const before = one.seen.length;
        const appended = numbered(200, 'last');
        await appendAll(log, appended);
        const wanted = new Set(appended.map((each) => each.headers['ce_id']!));
        await until('the takeover', () => both.values().filter((value) => wanted.has(value)).length >= 200, 25_000);
        expect(one.seen.length).toBeGreaterThanOrEqual(before);
        // the fence is the database's: here it is enough that nothing is missing
        expect(new Set(both.values()).size).toBe(round * 200 + 200);

        async function shared() {
          for (const end = performance.now() + 20_000; performance.now() < end; ) {
            const counts = [one.mostActive, two.mostActive];
            if (counts.every((count) => count > 0)) return;
            round += 1;
            await appendAll(log, numbered(200, `round${round}`));
            await until('a round', () => new Set(both.values()).size === round * 200);
          }
          throw new Error('the second consumer got no partition');
        }
      }), 90_000);

    test('an idle consumer is alive, and an idle log hands out at once', () =>
      withLog(async (log, consume) => {
        const applied = new Applied();
        await consume(applied);
        await until('the first beat', () => applied.beats > 0);
        const beats = applied.beats;
        await until('another beat', () => applied.beats > beats, 12_000);
        const waits: number[] = [];
        for (let n = 0; n < 15; n += 1) {
          const at = performance.now();
          await appendAll(log, [record(`a:${n % 3}`, `w-${n}`, topics.urgent)]);
          await until('the record', () => applied.values().includes(`w-${n}`));
          waits.push(performance.now() - at);
        }
        expect(waits.sort((a, b) => a - b)[7]).toBeLessThan(150);
      }));

    test('a signal tells the handler to stop, and stopping waits for it', () =>
      withLog(async (log, consume) => {
        await appendAll(log, [record('a:one', 'x')]);
        const applied = new Applied();
        let aborted = false;
        let begun = false;
        applied.onBatch = async (_, signal) => {
          begun = true;
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
          aborted = true;
          return undefined;
        };
        const consumer = await consume(applied);
        await until('the batch', () => begun);
        await consumer.stop();
        expect(aborted).toBe(true);
      }));

    test('a closed log acknowledges nothing', () =>
      withLog(async () => {
        const log = store.open();
        await log.close();
        const { acked, error } = await log.append([record('a:one', 'x')]);
        expect(acked).toEqual([false]);
        expect(error).toBeDefined();
      }));
  });
}
