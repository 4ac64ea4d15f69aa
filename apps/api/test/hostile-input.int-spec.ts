import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startApi, type TestApi } from './start-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

const cursor = (keys: unknown) => Buffer.from(JSON.stringify(keys)).toString('base64url');
const uuid = '00000000-0000-4000-8000-000000000000';

test.each([
  ...[
    '["hot","x",1]',
    '["hot",1e300,1]',
    '["hot",1.5,1]',
    '["hot",-2147483648,1]',
    '[null,null,null]',
    '["__proto__",1,1]',
    '{}',
    'no json',
  ].map((keys) => ['/v1/leads', keys]),
  ...[
    '["x","y"]',
    '["2026-13-45 00:00:00+00","y"]',
    `["infinity","${uuid}"]`,
    `["2026-02-31 00:00:00+00","${uuid}"]`,
    `[1e300,"${uuid}"]`,
  ].map((keys) => ['/v1/deliveries', keys]),
  ...['["x"]', '[1e99]', '[-1]'].map((keys) => ['/v1/quarantine', keys]),
])('S13: %s refuses the forged cursor %s', async (route, keys) => {
  const answer = await api.call('GET', `${route}?cursor=${Buffer.from(keys!).toString('base64url')}`, {
    key: api.keys.admin,
  });
  expect([answer.status, answer.body.code]).toEqual([400, 'bad-cursor']);
});

test.each<[string, string, object | undefined]>([
  ['GET', '/v1/leads/a:%00', undefined],
  ['GET', '/v1/leads/e:%00@x/timeline', undefined],
  ['GET', '/v1/leads?q=%00', undefined],
  ['GET', '/v1/leads?stage=a%00', undefined],
  ['GET', '/v1/rulebook/versions/99999999999', undefined],
  ['GET', `/v1/leads?cursor=${cursor(['hot', 1, 1])}&q=%00`, undefined],
  ['POST', '/v1/merges', { keys: ['e:a\0@x.jp', 'u:main:1'], reason: 'x' }],
  ['POST', '/v1/merges', { keys: ['u:main:\ud800', 'u:main:1'], reason: 'x' }],
  ['POST', '/v1/api-keys', { name: '\0', role: 'admin' }],
  ['POST', '/v1/sources', { id: 'n1', name: 'n\0' }],
  ['POST', '/v1/rulebook/versions', { document: { title: 'half \udfff' } }],
  ['POST', '/v1/rulebook/publish', { version: 3_000_000_000 }],
  ['POST', '/v1/scenarios', { document: { 'name\0': 1 } }],
  [
    'POST',
    '/v1/rulebook/validate',
    { document: JSON.parse(`${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`) as object },
  ],
])('S13: %s %s with what no database stores is refused by name', async (method, url, body) => {
  const answer = await api.call(method, url, { key: api.keys.admin, body });
  expect([answer.status, answer.body.code]).toEqual([400, 'invalid-input']);
});

test.each([
  ['/v1/leads/%ff', 400],
  ['/%', 400],
  [`/u/${'x'.repeat(700)}`, 414],
])('S13: the path %s is a problem like every other', async (url, status) => {
  const answer = await api.call('GET', url);
  expect([answer.status, String(answer.headers['content-type']).split(';')[0], answer.body.status]).toEqual([
    status,
    'application/problem+json',
    status,
  ]);
});

test('a list of deliveries is paged without gap or repetition', async () => {
  await api.database.pool.query(
    `insert into delivery (id, key, purpose, channel, lead, subject_key, state, due_at, limit_at, created_at)
     select gen_random_uuid(), 'page' || n, 'alert', 'webhook', 1, 'u:main:1', 'sent', now(), now(), '2026-01-01T00:00:00.123456Z'::timestamptz + (n / 3) * interval '1 microsecond'
     from generate_series(1, 10) n`,
  );
  const seen: string[] = [];
  let next = '';
  do {
    const { body } = await api.call('GET', `/v1/deliveries?limit=2${next}`, { key: api.keys.admin });
    seen.push(...(body.items as { id: string }[]).map(({ id }) => id));
    next = body.nextCursor ? `&cursor=${body.nextCursor as string}` : '';
  } while (next);
  expect([seen.length, new Set(seen).size]).toEqual([10, 10]);
});
