import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { judgeHits, type Hit } from './verdict.js';

const chrome = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36';
const hit = (id: string, kind: 'open' | 'click', seconds: number, more: Partial<Hit> = {}): Hit => ({
  id,
  kind,
  at: seconds * 1_000,
  userAgent: chrome,
  ...(kind === 'click' && { url: id }),
  ...more,
});

test.each<[string, Hit[], Record<string, string>]>([
  ['a person opens, reads and clicks', [hit('o', 'open', 60), hit('a', 'click', 75)], { o: 'human', a: 'human' }],
  [
    'a scanner follows all links within seconds, under the name of a browser',
    [hit('o', 'open', 30), hit('a', 'click', 31), hit('b', 'click', 31), hit('c', 'click', 33)],
    { o: 'machine', a: 'machine', b: 'machine', c: 'machine' },
  ],
  [
    'a scanner first, the person an hour later',
    [hit('a', 'click', 5), hit('b', 'click', 6), hit('c', 'click', 7), hit('d', 'click', 3_600, { url: 'a' })],
    { a: 'machine', b: 'machine', c: 'machine', d: 'human' },
  ],
  [
    'HEAD, prefetch and tools',
    [
      hit('a', 'click', 60, { method: 'HEAD' }),
      hit('b', 'click', 90, { prefetch: true }),
      hit('c', 'click', 200, { userAgent: 'python-requests/2' }),
    ],
    { a: 'machine', b: 'machine', c: 'machine' },
  ],
  ['opened before anybody could', [hit('o', 'open', 1)], { o: 'machine' }],
  [
    'proxies of Google and Apple',
    [
      hit('o', 'open', 60, { userAgent: 'Mozilla/5.0 (via ggpht.com GoogleImageProxy)' }),
      hit('p', 'open', 60, { userAgent: 'Mozilla/5.0' }),
    ],
    { o: 'unsure', p: 'unsure' },
  ],
])('S12: %s', (_story, hits, expected) => {
  expect(Object.fromEntries(judgeHits(hits, 0, 3))).toEqual(expected);
});

test('S12: a verdict is revised when the rest of the burst arrives', () => {
  const first = hit('a', 'click', 30);
  expect(judgeHits([first], 0, 3).get('a')).toBe('human');
  expect(judgeHits([first, hit('b', 'click', 31), hit('c', 'click', 32)], 0, 3).get('a')).toBe('machine');
});

// a verdict's event id derives from hit, rule and verdict: this is why the same verdict is never stated a second time
test('S12: as hits arrive in any order, a verdict changes once at most, and only to machine', () => {
  const agents = fc.constantFrom(
    chrome,
    'Mozilla/5.0',
    'python-requests/2',
    'Mozilla/5.0 (via ggpht.com GoogleImageProxy)',
  );
  const one = fc.record({
    kind: fc.constantFrom('open' as const, 'click' as const),
    seconds: fc.integer({ min: 0, max: 40 }),
    url: fc.constantFrom('a', 'b', 'c'),
    userAgent: agents,
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 12 }), fc.integer({ min: 0, max: 4 }), (made, links) => {
      const hits = made.map(({ kind, seconds, url, userAgent }, i) =>
        hit(`h${i}`, kind, seconds, { userAgent, ...(kind === 'click' && { url }) }),
      );
      let before = new Map<string, string>();
      for (let known = 1; known <= hits.length; known += 1) {
        const now = judgeHits(hits.slice(0, known), 0, links);
        for (const [id, verdict] of before) expect([verdict, 'machine']).toContain(now.get(id));
        before = now;
      }
    }),
  );
});
