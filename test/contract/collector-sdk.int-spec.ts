import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import Rudder from '@rudderstack/rudder-sdk-node';
import { Analytics } from '@segment/analytics-node';
import { eventIdOf } from '#libs/platform';
import { until } from '#test/until';
import { startCollector, writeKey, type CollectorUnderTest } from './collector-fixture.js';

let collector: CollectorUnderTest;
let front: Server;
let frontUrl: string;
/** Statuses that the next requests get before one is let through: what a proxy in front of us may answer. */
let failures: number[] = [];

beforeAll(async () => {
  collector = await startCollector();
  front = createServer((request, response) => {
    const failure = failures.shift();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (failure) return void response.writeHead(failure, { 'retry-after': '1' }).end();
      const { host: _host, ...headers } = request.headers as Record<string, string>;
      delete headers['connection'];
      delete headers['transfer-encoding'];
      delete headers['content-length'];
      fetch(`${collector.url}${request.url}`, { method: request.method!, headers, body: Buffer.concat(chunks) as unknown as string }).then(
        async (answer) => response.writeHead(answer.status).end(await answer.text()),
        () => response.writeHead(502).end(),
      );
    });
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  frontUrl = `http://127.0.0.1:${(front.address() as { port: number }).port}`;
});
afterAll(async () => {
  front.closeAllConnections();
  await new Promise((resolve) => front.close(resolve));
  await collector.stop();
});

test.each([[[]], [[503]], [[429]], [[500]]])('I2: @segment/analytics-node, answered %j first: every event once', async (before: number[]) => {
  failures = [...before];
  const analytics = new Analytics({ writeKey, host: frontUrl, flushInterval: 50 });
  const sent: string[] = [];
  analytics.on('http_request', ({ body }) => {
    const { batch } = (typeof body === 'string' ? JSON.parse(body) : body) as { batch: { messageId: string }[] };
    for (const { messageId } of batch) sent.push(messageId);
  });
  const user = `seg-${before[0] ?? 0}`;
  analytics.identify({ userId: user, anonymousId: `a-${user}`, traits: { email: ' Taro@Example.co.jp ' } });
  analytics.track({ userId: user, event: 'Viewed', properties: { n: 1 } });
  await analytics.closeAndFlush({ timeout: 20_000 });
  const ids = new Set(sent.map((messageId) => eventIdOf('site', messageId)));
  const stored = (await collector.stored()).map(({ event }) => event).filter((event) => ids.has(event.id));
  expect(ids.size).toBe(2);
  expect(stored.map((event) => event.type).sort()).toEqual(['identify', 'track']);
  expect(stored.find((event) => event.type === 'identify')).toMatchObject({ userId: `main:${user}`, email: 'taro@example.co.jp', links: true });
});

test.each([true, false])('@rudderstack/rudder-sdk-node (gzip %s): its events are on the log', async (gzip) => {
  failures = [503];
  const rudder = new Rudder(writeKey, { dataPlaneUrl: frontUrl, flushInterval: 50, gzip });
  const user = `rud-${gzip}`;
  rudder.track({ userId: user, event: 'Demo Requested', properties: { email: 'hanako@example.co.jp' } });
  const found = await until('the event is stored', async () =>
    (await collector.stored()).find(({ event }) => event.userId === `main:${user}`),
  );
  expect(found.topic).toMatch(/urgent/);
  expect(found.event).toMatchObject({ name: 'Demo Requested', links: true, email: 'hanako@example.co.jp' });
});
