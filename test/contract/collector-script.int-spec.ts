import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startCollector, writeKey, type CollectorUnderTest } from './collector-fixture.js';

let collector: CollectorUnderTest;
beforeAll(async () => {
  collector = await startCollector();
});
afterAll(() => collector.stop());

test('the classic snippet finds the SDK and the pieces it loads', async () => {
  const script = await fetch(`${collector.url}/analytics.js/v1/${writeKey}/analytics.min.js`);
  expect([script.status, script.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8']);
  const text = await script.text();
  expect(text.length).toBeGreaterThan(50_000);
  const plain = await fetch(`${collector.url}/analytics-next/bundles/standalone.js`, { headers: { 'accept-encoding': 'identity' } });
  expect(await plain.text()).toBe(text);
  expect((await fetch(`${collector.url}/analytics-next/bundles/..%2f..%2fpackage.json`)).status).toBe(404);
});

test('the settings name this host, and no other is told anything', async () => {
  const settings = (await (await fetch(`${collector.url}/v1/projects/${writeKey}/settings`)).json()) as object;
  expect(settings).toMatchObject({
    integrations: { 'Segment.io': { apiKey: writeKey, apiHost: `127.0.0.1:${collector.port}/v1`, protocol: 'http' } },
    metrics: { sampleRate: 0 },
  });
  expect((await fetch(`${collector.url}/v1/projects/wk_unknown/settings`)).status).toBe(404);
  expect((await fetch(`${collector.url}/v1/m`, { method: 'POST', body: '{}' })).status).toBe(200);
});
