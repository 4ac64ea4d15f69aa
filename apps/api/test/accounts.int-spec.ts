import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeZone, type LeadEvent } from '#libs/leads/domain';
import { eventIdOf } from '#libs/platform';
import { ProjectionContext, reviewAccounts } from '#libs/projection';
import { startApi, type TestApi } from './start-api.js';

let api: TestApi;
const now = Date.now();
const context = new ProjectionContext(makeZone('Asia/Tokyo'));
const form = (name: string, email: string, position: string, did: string[], company = '株式会社ミライ'): LeadEvent[] =>
  ['Form', ...did].map((event, index) => ({
    id: eventIdOf('test', `${name}-${index}`),
    type: 'track',
    source: 'test',
    name: event,
    email,
    links: true,
    occurredAt: now - 60_000 + index,
    receivedAt: now - 60_000 + index,
    properties: { company, position },
  }));
const get = (path: string, key = api.keys.sales) => api.call('GET', path, { key });
const post = (path: string, body: unknown, key = api.keys.sales) => api.call('POST', path, { key, body });
/** Of each person: they lie in partitions of their own, and none waits for another. */
const lasts = ['a-3', 'b-2', 'c-2', 'd-0', 'e-0'];
const mirai = '/v1/accounts/d%3Amirai.co.jp';

beforeAll(async () => {
  api = await startApi({ projecting: true });
  await api.state(
    ...form('a', 'a@mirai.co.jp', '担当', ['Material Requested', 'Webinar Attended', 'Price List Downloaded']),
    ...form('b', 'b@sales.mirai.co.jp', '課長', ['Webinar Attended', 'Price List Downloaded']),
    ...form('c', 'c@mirai.co.jp', '部長', ['Webinar Attended', 'Contact Requested']),
    ...form('d', 'd@gmail.com', '担当', [], 'ミライ（株）'),
    ...form('e', 'e@other.co.jp', '担当', [], '別会社'),
  );
  for (const last of lasts) expect((await get(`/v1/leads?after=test%2F${last}`)).status).toBe(200);
  await reviewAccounts(api.database.pool, context);
});
afterAll(async () => api.stop());

test('the list is hot first, pages, filters, and shows who is hot though nobody alone is', async () => {
  const { body } = await get('/v1/accounts');
  expect(body.items).toMatchObject([
    {
      account: 'd:mirai.co.jp',
      name: '株式会社ミライ',
      temperature: 'hot',
      members: 3,
      engaged: 3,
      hotMembers: 0,
      roles: ['decision-maker', 'evaluator', 'user'],
      decisionMakerReached: true,
    },
    { account: 'd:other.co.jp', temperature: 'cold', members: 1 },
  ]);
  const first = (await get('/v1/accounts?limit=1')).body;
  const second = (await get(`/v1/accounts?limit=1&cursor=${first.nextCursor}`)).body;
  expect([...first.items, ...second.items]).toEqual(body.items);
  expect(second.nextCursor).toBeNull();
  expect((await get('/v1/accounts?together=true')).body.items).toHaveLength(1);
  expect((await get(`/v1/accounts?q=${encodeURIComponent('別')}`)).body.items).toHaveLength(1);
  expect(await get('/v1/accounts?cursor=forged')).toMatchObject({ status: 400, body: { code: 'bad-cursor' } });
});

test('a company that was looked at before the live rulebook was published is looked at again', async () => {
  const { pool } = api.database;
  const engagement = async () => (await get('/v1/accounts')).body.items[0].engagement as number;
  const before = await engagement();
  await pool.query('update account set engagement = engagement + 500');
  expect(await engagement()).toBe(before + 50);
  await pool.query('update rulebook_publish set known_at = clock_timestamp()');
  expect(await engagement()).toBe(before);
  await pool.query('update account set engagement = engagement - 500');
});

test('one account: lines sum, roles with their people, rules with what is missing, suggestions', async () => {
  for (const locale of ['ja', 'en']) {
    const { body } = await get(`${mirai}?locale=${locale}`);
    const sum = (body.lines as { points: number }[]).reduce((total, line) => total + Math.round(line.points * 10), 0);
    expect(sum).toBe(Math.round(body.engagement * 10));
    expect(body.roleCoverage).toMatchObject([
      { name: 'decision-maker', label: locale === 'ja' ? '決裁者' : 'Decision maker', leads: [expect.any(Number)] },
      { name: 'evaluator' },
      { name: 'user' },
    ]);
    expect(body.hot.map(({ held }: { held: boolean }) => held)).toEqual([false, true, true]);
    expect(body.leads.map(({ email }: { email: string }) => email).sort()).toEqual([
      'a@mirai.co.jp',
      'b@sales.mirai.co.jp',
      'c@mirai.co.jp',
    ]);
  }
  expect((await get(mirai)).body.suggestions.leads).toMatchObject([{ email: 'd@gmail.com', company: 'ミライ(株)' }]);
  expect((await get('/v1/accounts/d%3Awww.mirai.co.jp')).body.account).toBe('d:mirai.co.jp');
  expect(await get('/v1/accounts/d%3Anobody.co.jp')).toMatchObject({ status: 404, body: { code: 'account-unknown' } });
  expect(await get('/v1/accounts/mirai')).toMatchObject({ status: 400 });
});

test('the timeline holds every member’s events under its own lead, newest first, page by page', async () => {
  const whole = (await get(`${mirai}/timeline?limit=100`)).body.items as { id: string; lead: number; type: string }[];
  expect(new Set(whole.map(({ lead }) => lead)).size).toBe(3);
  expect(whole.filter(({ type }) => type === 'track')).toHaveLength(10);
  const paged: unknown[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const { body } = await get(`${mirai}/timeline?limit=3${cursor ? `&cursor=${cursor}` : ''}`);
    paged.push(...(body.items as unknown[]));
    cursor = body.nextCursor as string | null;
  }
  expect(paged).toEqual(whole);
});

test('S10: an assignment becomes an event, is audited without the address, and is taken back', async () => {
  const lead = '/v1/leads/e%3Ad%40gmail.com';
  expect((await get(lead)).body.account).toBeNull();
  const assigned = await post(`${lead}/account`, { account: 'd:www.mirai.co.jp', reason: 'card says so' });
  expect(assigned).toMatchObject({ status: 202, body: { account: 'd:mirai.co.jp' } });
  const waited = await get(`${lead}?after=${encodeURIComponent(assigned.body.eventId as string)}`);
  expect(waited.body.account).toMatchObject({
    account: 'd:mirai.co.jp',
    by: 'assignment',
    event: assigned.body.eventId,
    temperature: 'hot',
    members: 3,
  });
  await reviewAccounts(api.database.pool, context);
  expect((await get('/v1/accounts')).body.items[0].members).toBe(4);
  expect((await get(mirai)).body.suggestions.leads).toEqual([]);
  const audited = await api.database.pool.query(`select action, details from audit_log where target = $1`, [
    assigned.body.eventId,
  ]);
  expect(audited.rows).toEqual([
    { action: 'account.assign', details: { account: 'd:mirai.co.jp', reason: 'card says so' } },
  ]);
  const back = await post(`${lead}/account`, { account: null, reason: 'a mistake' });
  expect((await get(`${lead}?after=${encodeURIComponent(back.body.eventId as string)}`)).body.account).toBeNull();
  await reviewAccounts(api.database.pool, context);
  expect((await get('/v1/accounts')).body.items[0].members).toBe(3);
});

test.each<[unknown, string]>([
  [{ account: 'mirai', reason: 'x' }, 'account'],
  [{ account: 'd:co.jp', reason: 'x' }, 'account'],
  [{ account: 'd:mirai.co.jp' }, 'reason'],
  [{ account: 'd:mirai.co.jp', reason: 'x', by: 'me' }, 'by'],
])('%j is refused by its path', async (body, path) => {
  expect(await post('/v1/leads/e%3Ad%40gmail.com/account', body)).toMatchObject({
    status: 400,
    body: { errors: [{ path }] },
  });
});

test('nobody can be assigned who is not there, and only who may', async () => {
  const body = { account: 'd:mirai.co.jp', reason: 'x' };
  expect(await post('/v1/leads/e%3Anobody%40x.example/account', body)).toMatchObject({ status: 404 });
  expect((await post('/v1/leads/e%3Ad%40gmail.com/account', body, api.keys.collect)).status).toBe(403);
});
