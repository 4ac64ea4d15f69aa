import zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { eventIdOf, TokenSeal } from '#libs/platform';
import { post, startCollector, trackingSecret, writeKey, type CollectorUnderTest } from './collector-fixture.js';

let collector: CollectorUnderTest;
beforeAll(async () => {
  collector = await startCollector();
});
afterAll(() => collector.stop());

const track = (messageId: string, more: object = {}) => ({ type: 'track', event: 'Viewed', anonymousId: 'a1', messageId, ...more });
const idsOf = async () => new Set((await collector.stored()).map(({ event }) => event.id));
const stored = async (messageId: string) =>
  (await collector.stored()).find(({ event }) => event.id === eventIdOf('site', messageId))?.event;

describe('I7: a request over a limit is refused and nothing is produced', () => {
  const deep = (levels: number) => JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels)) as object;
  const cases: [string, string | Buffer, string][] = [
    ['a single event over 32 KB', JSON.stringify(track('over-1', { properties: { a: 'x'.repeat(33_000) } })), 'too-large'],
    ['a request over 500 KB', JSON.stringify({ batch: [track('over-2')], a: 'x'.repeat(520_000) }), 'too-large'],
    ['2,501 events', JSON.stringify({ batch: Array.from({ length: 2_501 }, () => ({ a: 1 })) }), 'too-many-events'],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'bad-encoding'],
    ['no JSON', '{"type":', 'bad-json'],
    ['a nesting of 40', JSON.stringify(track('over-3', { properties: deep(40) })), 'too-deep'],
    ['a nesting of 200,000', '['.repeat(200_000), 'too-deep'],
    ['no identity', JSON.stringify({ ...track('over-4'), anonymousId: '', userId: null }), 'no-identity'],
    ['a number that is infinite', JSON.stringify(track('over-5', { properties: { n: 1 } })).replace('"n":1', '"n":1e999'), 'number-not-finite'],
    ['a string of 10,001 characters', JSON.stringify(track('over-6', { properties: { s: 'x'.repeat(10_001) } })), 'string-too-long'],
    ['a time in 2100', JSON.stringify(track('over-7', { timestamp: '2100-01-01T00:00:00Z' })), 'bad-timestamp'],
    ['a time in 1999', JSON.stringify(track('over-8', { timestamp: '1999-12-31T00:00:00Z' })), 'bad-timestamp'],
    ['a messageId of 101 characters', JSON.stringify(track('x'.repeat(101))), 'id-too-long'],
    ['a gzip bomb', zlib.gzipSync(Buffer.alloc(50_000_000, 0x20)), 'too-large'],
  ];
  test.each(cases)('S13: %s', async (_name, body, code) => {
    const answer = await post(`${collector.url}/v1/track`, body);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({ status: 400, code });
  });

  test('nothing of them is on the log', async () => {
    const ids = await idsOf();
    for (let n = 1; n <= 8; n += 1) expect(ids.has(eventIdOf('site', `over-${n}`))).toBe(false);
  });
});

test('I7: one bad event rejects no other, and the answer says on request which and why', async () => {
  const batch = [track('good-1'), track('bad-1', { anonymousId: null }), 7, track('good-2'), track('bad-2', { properties: 'x' })];
  const answer = await post(`${collector.url}/v1/batch?debug=1`, { batch });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({
    success: true,
    accepted: 2,
    rejected: 3,
    errors: [
      { index: 1, reason: 'no-identity' },
      { index: 2, reason: 'bad-shape' },
      { index: 4, reason: 'bad-shape', path: 'properties' },
    ],
  });
  const ids = await idsOf();
  expect(['good-1', 'good-2', 'bad-1', 'bad-2'].map((id) => ids.has(eventIdOf('site', id)))).toEqual([true, true, false, false]);
});

test('S13: NUL, lone surrogates and prototype keys never reach the log', async () => {
  const body = JSON.stringify(track('dirty', { properties: { a: 'x\0y', b: 'p\ud800q' } })).replace('"a":', '"__proto__":{"z":1},"a":');
  expect((await post(`${collector.url}/v1/track`, body)).status).toBe(200);
  expect((await stored('dirty'))?.properties).toEqual({ a: 'xy', b: 'pq' });
});

test('the client clock is corrected by its own difference', async () => {
  const sentAt = '2026-01-01T00:01:00.000Z';
  const before = Date.now();
  await post(`${collector.url}/v1/batch`, { batch: [track('clock', { timestamp: '2026-01-01T00:00:00.000Z' })], sentAt });
  const event = (await stored('clock'))!;
  expect(event.receivedAt - event.occurredAt).toBe(60_000);
  expect(event.receivedAt).toBeGreaterThanOrEqual(before);
});

test.each([
  ['gzip', zlib.gzipSync],
  ['deflate', zlib.deflateSync],
  ['br', zlib.brotliCompressSync],
] as const)('%s is inflated', async (encoding, compress) => {
  const body = compress(Buffer.from(JSON.stringify(track(`enc-${encoding}`))));
  expect((await post(`${collector.url}/v1/t/`, body, { 'content-encoding': encoding })).status).toBe(200);
  expect(await stored(`enc-${encoding}`)).toBeDefined();
});

describe('S1: an ingest key can only collect', () => {
  test.each([
    ['no key', {}],
    ['a wrong key', { authorization: `Basic ${Buffer.from('nobody:').toString('base64')}` }],
    ['a bearer token', { authorization: `Bearer ${writeKey}` }],
  ])('%s is 401', async (_name, headers) => {
    const answer = await fetch(`${collector.url}/v1/track`, { method: 'POST', headers: headers as Record<string, string>, body: JSON.stringify(track('no-key')) });
    expect(answer.status).toBe(401);
  });

  test.each(['/api/v1/leads', '/v1/leads', '/u/token', '/v1/projects', '/com.snowplowanalytics.snowplow/tp2', '/i/v0/e/'])('%s is 404', async (path) => {
    const answer = await post(`${collector.url}${path}`, {});
    expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
  });

  test('a header key wins over a masked one in the body; a body or query key serves beacons', async () => {
    expect((await post(`${collector.url}/v1/t`, { ...track('masked'), writeKey: 'keyid:***' })).status).toBe(200);
    const bare = (path: string, body: object) => fetch(`${collector.url}${path}`, { method: 'POST', body: JSON.stringify(body) });
    expect((await bare('/v1/t', { ...track('in-body'), writeKey })).status).toBe(200);
    expect((await bare(`/beacon/v1/batch?writeKey=${writeKey}`, { batch: [track('in-query')] })).status).toBe(200);
    expect((await bare('/v1/b', { batch: [{ ...track('in-item'), writeKey }] })).status).toBe(200);
  });
});

describe('clicks and opens', () => {
  const seal = new TokenSeal(trackingSecret, 'tracking');
  const target = 'https://example.co.jp/資料?a=1';
  const get = (path: string, method = 'GET') => fetch(`${collector.url}${path}`, { method, redirect: 'manual' });

  test('S4: a click redirects only to the signed URL; an altered token is 404', async () => {
    const token = seal.seal({ d: 'd-1', k: 'e:a@example.co.jp', u: target });
    const answer = await get(`/c/${token}?u=https://evil.example`);
    expect([answer.status, answer.headers.get('location')]).toEqual([302, new URL(target).href]);
    for (let i = 0; i < token.length; i += 7) {
      const altered = token.slice(0, i) + (token[i] === 'A' ? 'B' : 'A') + token.slice(i + 1);
      expect((await get(`/c/${altered}`)).status).toBe(404);
    }
    expect((await get(`/c/${new TokenSeal(trackingSecret, 'unsubscribe').seal({ d: 'd', k: 'e:a@b', u: target })}`)).status).toBe(404);
    expect((await get(`/c/${seal.seal({ d: 'd', k: 'e:a@b', u: 'javascript:alert(1)' })}`)).status).toBe(404);
  });

  test('S5: GET and HEAD append hits and nothing else', async () => {
    const before = (await collector.stored()).length;
    const token = seal.seal({ d: 'd-2', k: 'u:main:42' });
    const open = await get(`/o/${token}.gif`);
    expect([open.status, open.headers.get('content-type'), open.headers.get('cache-control')]).toEqual([200, 'image/gif', 'no-store, private']);
    expect((await get(`/o/${token}.gif`, 'HEAD')).status).toBe(200);
    const after = await collector.stored();
    const hits = after.filter(({ event }) => event.properties['deliveryId'] === 'd-2');
    expect(after.length - before).toBe(2);
    expect(hits.map(({ event }) => [event.type, event.name, event.userId, event.context?.['method']]).sort()).toEqual([
      ['track', 'Email Opened', 'main:42', 'GET'],
      ['track', 'Email Opened', 'main:42', 'HEAD'],
    ]);
  });
});

test('S13: whatever bytes come, the answer is never a 5xx', async () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json({ maxDepth: 6 }).map((text) => Buffer.from(text)),
    fc.record({ type: fc.constantFrom('track', 'identify', 'alias', 'group', 'page', 3), event: fc.jsonValue(), userId: fc.jsonValue(), context: fc.jsonValue(), traits: fc.jsonValue(), properties: fc.jsonValue(), timestamp: fc.jsonValue(), sentAt: fc.jsonValue(), batch: fc.option(fc.jsonValue(), { nil: undefined }) }).map((value) => Buffer.from(JSON.stringify(value))),
  );
  await fc.assert(
    fc.asyncProperty(body, fc.constantFrom('/v1/t', '/v1/batch', '/v1/alias'), fc.constantFrom('', 'gzip', 'br', 'zstd'), async (bytes, path, encoding) => {
      const answer = await post(`${collector.url}${path}`, bytes, encoding ? { 'content-encoding': encoding } : {});
      expect([200, 400]).toContain(answer.status);
      await answer.arrayBuffer();
    }),
    { numRuns: 400 },
  );
  await collector.stored();
});
