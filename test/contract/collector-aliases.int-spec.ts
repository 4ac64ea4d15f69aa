import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventIdOf } from '#libs/platform';
import { post, startCollector, writeKey, type CollectorUnderTest } from './collector-fixture.js';

let collector: CollectorUnderTest;
beforeAll(async () => {
  collector = await startCollector({ settings: { allowedOrigins: ['https://www.example.co.jp', 'http://localhost:8080/a/path'] } });
});
afterAll(() => collector.stop());

const needed: Record<string, object> = {
  track: { event: 'Viewed' },
  identify: { traits: { email: 'a@example.co.jp' } },
  page: { name: 'Home' },
  screen: { name: 'Home' },
  group: { groupId: 'g1' },
  alias: { userId: 'u1', previousId: 'u0' },
};
const types = Object.keys(needed);
const stored = async (messageId: string) => (await collector.stored()).find(({ event }) => event.id === eventIdOf('site', messageId))?.event;

describe('other SDKs speak to their own paths', () => {
  test.each([
    ['Segment', (type: string) => `/v1/${type}`],
    ["Segment's short names", (type: string) => `/v1/${type[0]}`],
    ['Jitsu', (type: string) => `/api/s/${type}`],
    ['Jitsu from servers', (type: string) => `/api/s/s2s/${type}`],
    ['Dittofeed', (type: string) => `/api/public/apps/${type}`],
  ])('%s: the path is the type of an event that names none', async (name, pathOf) => {
    for (const type of types) {
      const answer = await post(`${collector.url}${pathOf(type)}`, { anonymousId: 'a1', messageId: `${name}-${type}`, ...needed[type] });
      expect([type, answer.status]).toEqual([type, 200]);
    }
    const events = (await collector.stored()).map(({ event }) => event);
    for (const type of types) expect(events.find((event) => event.id === eventIdOf('site', `${name}-${type}`))?.type).toBe(type);
  });

  test.each(['/v1/batch', '/v1/b', '/v1/import', '/beacon/v1/batch', '/api/public/apps/batch'])('%s takes a batch', async (path) => {
    const batch = types.map((type) => ({ type, anonymousId: 'a1', messageId: `${path}-${type}`, ...needed[type] }));
    expect((await post(`${collector.url}${path}`, { batch })).status).toBe(200);
    expect((await stored(`${path}-group`))?.groupId).toBe('g1');
  });

  test('Jitsu sends its key in X-Write-Key', async () => {
    const body = JSON.stringify({ anonymousId: 'a1', messageId: 'by-header', event: 'Viewed' });
    const send = (key: string) => fetch(`${collector.url}/api/s/track`, { method: 'POST', headers: { 'x-write-key': key }, body });
    expect((await send(writeKey)).status).toBe(200);
    expect((await send('wk_of_nobody')).status).toBe(401);
    expect(await stored('by-header')).toBeDefined();
  });
});

describe('allowedOrigins', () => {
  const from = (origin: string | undefined, messageId: string) =>
    post(`${collector.url}/v1/track`, { event: 'Viewed', anonymousId: 'a1', messageId }, origin === undefined ? {} : { origin });

  test('S1: a page elsewhere is refused, and nothing of it is produced', async () => {
    for (const [n, origin] of ['https://evil.example', 'https://www.example.co.jp.evil.example', 'http://www.example.co.jp', 'null'].entries()) {
      const answer = await from(origin, `foreign-${n}`);
      expect([origin, answer.status]).toEqual([origin, 403]);
      expect(await answer.json()).toMatchObject({ status: 403, code: 'origin-not-allowed' });
      expect(await stored(`foreign-${n}`)).toBeUndefined();
    }
  });

  test('the listed pages and servers, which have no origin, are served', async () => {
    for (const [n, origin] of ['https://www.example.co.jp', 'http://localhost:8080', undefined].entries()) {
      const answer = await from(origin, `own-${n}`);
      expect([origin, answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([origin, 200, origin ?? null]);
      expect(await stored(`own-${n}`)).toBeDefined();
    }
  });
});
