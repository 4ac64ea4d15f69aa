import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLogger } from '#libs/platform';
import { createEventLog, eventLogConfig, topics } from '#libs/event-log';

/** Two ways of being away: nobody listens, and somebody takes the connection and never answers. */
let silent: Server;
let silentPort: number;
const sockets: { destroy(): void }[] = [];

beforeAll(async () => {
  silent = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  silentPort = (silent.address() as { port: number }).port;
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
});

const record = (n: number) => ({ topic: topics.events, key: `a:${n}`, headers: {}, value: '{}' });

describe.each(['kafka', 'postgres'] as const)('%s away', (mode) => {
  test.each(['nobody listens', 'a silent peer'])('I3: %s: nothing is acknowledged, every caller hears so within 6 s', async (way) => {
    const address = `127.0.0.1:${way === 'nobody listens' ? 1 : silentPort}`;
    const config = eventLogConfig.parse({ EVENT_LOG: mode, KAFKA_BROKERS: address });
    const log = createEventLog({ ...config, DATABASE_URL: `postgres://nobody:x@${address}/none` }, createLogger('test', 'silent'));
    let slowest = 0;
    const callers = Array.from({ length: 40 }, async (_, n) => {
      const at = performance.now();
      const { acked, error } = await log.append(Array.from({ length: 50 }, (_, m) => record(n * 50 + m)));
      slowest = Math.max(slowest, performance.now() - at);
      expect(acked).toEqual(new Array(50).fill(false));
      expect(error).toBeDefined();
    });
    await Promise.all(callers);
    expect(slowest).toBeLessThan(6_000);
    expect(await log.reachable()).toBe(false);
    await log.close();
  });

  test('I3: the queue is bounded: a flood is refused at once instead of filling the memory', async () => {
    const config = eventLogConfig.parse({ EVENT_LOG: mode, KAFKA_BROKERS: `127.0.0.1:${silentPort}` });
    const log = createEventLog({ ...config, DATABASE_URL: `postgres://nobody:x@127.0.0.1:${silentPort}/none` }, createLogger('test', 'silent'));
    const appended = Array.from({ length: 300 }, (_, n) => log.append(Array.from({ length: 100 }, (_, m) => record(n * 100 + m))));
    const at = performance.now();
    const last = await appended.at(-1)!;
    expect(performance.now() - at).toBeLessThan(200);
    expect(last.error?.message).toMatch(/too many/);
    await Promise.all(appended);
    await log.close();
  });
});
