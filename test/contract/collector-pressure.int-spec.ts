import net from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { until } from '#test/until';
import { post, startCollector, type CollectorUnderTest } from './collector-fixture.js';

let collector: CollectorUnderTest;
beforeAll(async () => {
  collector = await startCollector({ env: { COLLECTOR_IN_FLIGHT_BYTES: '1048576' } });
});
afterAll(() => collector.stop());

const sockets: net.Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await until('0 bytes are held', async () => (await inFlight()) === 0);
});

/** Announces a body, sends some of it and then nothing more. */
function stall(announced: number, sent: number): void {
  const socket = net.connect(collector.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: ${announced}\r\n\r\n`);
  socket.write(Buffer.alloc(sent, 0x20));
  sockets.push(socket);
}
const inFlight = async () => Number(/^leadfold_\S*in_flight_bytes\S* (\d+)$/m.exec(await collector.metrics())?.[1]);
const batch = (bytes: number) => ({ batch: Array.from({ length: bytes / 10_000 }, (_, i) => ({ type: 'page', anonymousId: `p${i}`, properties: { a: 'x'.repeat(9_900) } })) });

test('I6: connections that announce much and send nothing keep nobody out', async () => {
  for (let i = 0; i < 50; i += 1) stall(500_000, 10);
  await until('500 bytes are held', async () => (await inFlight()) === 500);
  expect((await post(`${collector.url}/v1/batch`, batch(300_000))).status).toBe(200);
});

test('I6: what has arrived is bounded: beyond it 503 with Retry-After, and room again once it is gone', async () => {
  for (let i = 0; i < 2; i += 1) stall(500_000, 490_000);
  await until('980_000 bytes are held', async () => (await inFlight()) === 980_000);
  const refused = await post(`${collector.url}/v1/batch`, batch(300_000));
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('1');
  for (const socket of sockets.splice(0)) socket.destroy();
  await until('0 bytes are held', async () => (await inFlight()) === 0);
  expect((await post(`${collector.url}/v1/batch`, batch(300_000))).status).toBe(200);
});

test('S13: a body over the limit is refused as soon as it says so, and one without a length when it gets there', async () => {
  const announced = await post(`${collector.url}/v1/batch`, 'x'.repeat(600_000));
  expect([announced.status, await announced.json()]).toMatchObject([400, { code: 'too-large' }]);
  const chunks = new ReadableStream({
    start: (controller) => {
      for (let i = 0; i < 10; i += 1) controller.enqueue(Buffer.alloc(60_000, 0x20));
      controller.close();
    },
  });
  const streamed = await fetch(`${collector.url}/v1/batch`, { method: 'POST', body: chunks, duplex: 'half' } as RequestInit).catch(() => undefined);
  // the client may see the answer or, while it still writes, the closed connection
  if (streamed) expect(streamed.status).toBe(400);
  await until('0 bytes are held', async () => (await inFlight()) === 0);
});

test('S13: a key has 255 characters at most, whatever else the request holds', async () => {
  const key = 'k'.repeat(256);
  const answer = await post(`${collector.url}/v1/track`, { type: 'track', event: 'Viewed', anonymousId: 'a1', properties: { [key]: 1 } });
  expect(await answer.json()).toMatchObject({ status: 400, code: 'key-too-long' });
});

test.each(['/%', '/%ff', '/c/%zz'])('S13: the path %s is a problem like every other', async (path) => {
  const answer = await fetch(collector.url + path);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
});
