import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { LeadEvent } from '#libs/leads/domain';
import { eventIdOf } from '#libs/platform';
import { startApi, type TestApi } from './start-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ projecting: true });
  await api.state(...visit());
});
afterAll(() => api?.stop());

const minute = 60_000;
const start = Date.now() - 60 * minute;
const browser = { anonymousId: 'browser-1' };
const address = 'sato@aoba-mfg.example';
const ref = encodeURIComponent(`e:${address}`);

let serial = 0;
function fact(fields: Partial<LeadEvent> & Pick<LeadEvent, 'type'>): LeadEvent {
  const at = start + serial * minute;
  return {
    id: eventIdOf('test', `m-${serial++}`),
    source: 'test',
    occurredAt: at,
    receivedAt: at + 100,
    properties: {},
    ...fields,
  };
}
const page = (path: string) =>
  fact({ type: 'page', ...browser, name: path, properties: { path }, context: { page: { path } } });

/** Two product pages without a name, then the form that says who it was. */
function visit(): LeadEvent[] {
  const person = {
    email: address,
    lastName: '佐藤',
    firstName: '花子',
    company: '株式会社アオバ',
    employees: 480,
    position: '課長',
    introductionBy: '3ヶ月以内',
  };
  return [
    page('/products/flow'),
    page('/products/insight'),
    fact({
      type: 'track',
      ...browser,
      email: address,
      links: true,
      name: 'Material Requested',
      properties: { ...person, consent: true },
    }),
  ];
}

const last = () => `after=${encodeURIComponent(`test/m-${serial - 1}`)}`;
const get = (path: string, key = api.keys.sales) => api.call('GET', path, { key });

test('?after= waits for a write of one’s own, and answers 504 with a code when it does not come', async () => {
  expect((await get(`/v1/leads/${ref}?${last()}`)).status).toBe(200);
  expect(await get(`/v1/leads/${ref}?after=test%2Fnever`)).toMatchObject({
    status: 504,
    body: { code: 'after-timeout' },
  });
});

test('a lead is found by address, id and browser; its anonymous past counts', async () => {
  const lead = (await get(`/v1/leads/${ref}?${last()}`)).body;
  expect(lead).toMatchObject({
    visitor: false,
    company: '株式会社アオバ',
    email: address,
    temperature: 'hot',
    hotRules: ['five-conditions'],
    epoch: 1,
  });
  expect((await get(`/v1/leads/${lead.id}`)).body.keys).toEqual(lead.keys);
  expect((await get('/v1/leads/a%3Abrowser-1')).body.id).toBe(lead.id);
  expect(await get('/v1/leads/e%3Anobody%40x.example')).toMatchObject({ status: 404, body: { code: 'lead-unknown' } });
  expect(await get('/v1/leads/%20')).toMatchObject({ status: 400, body: { errors: [{ path: '' }] } });
});

test('the timeline shows the visit newest first, page by page', async () => {
  const whole = (await get(`/v1/leads/${ref}/timeline?limit=100`)).body.items as {
    id: string;
    type: string;
    text: string;
  }[];
  expect(whole.filter((entry) => ['page', 'track'].includes(entry.type)).map((entry) => entry.type)).toEqual([
    'track',
    'page',
    'page',
  ]);
  const paged: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const { body } = await get(`/v1/leads/${ref}/timeline?limit=1${cursor ? `&cursor=${cursor}` : ''}`);
    paged.push(...(body.items as { id: string }[]).map((entry) => entry.id));
    cursor = body.nextCursor as string | null;
  }
  expect(paged).toEqual(whole.map((entry) => entry.id));
  expect(await get(`/v1/leads/${ref}/timeline?cursor=forged`)).toMatchObject({
    status: 400,
    body: { code: 'bad-cursor' },
  });
});

test('the explanation sums exactly at every level and says what holds, in both languages', async () => {
  for (const locale of ['ja', 'en']) {
    const { body } = await get(`/v1/leads/${ref}/score?locale=${locale}`);
    const sum = (lines: { points: number }[]) => lines.reduce((total, line) => total + Math.round(line.points * 10), 0);
    expect(sum(body.lines)).toBe(Math.round(body.score * 10));
    expect(sum(body.engagement.lines)).toBe(Math.round(body.engagement.total * 10));
    expect(sum(body.fit.lines)).toBe(Math.round(body.fit.total * 10));
    const five = (body.hot as { name: string; held: boolean; conditions: { held: boolean }[] }[]).find(
      (rule) => rule.name === 'five-conditions',
    )!;
    expect(five.held).toBe(true);
    expect(five.conditions.filter((condition) => condition.held)).toHaveLength(5);
  }
});

test('the list is hot first, filters, and pages', async () => {
  const rows = (await get('/v1/leads')).body.items as { email: string; temperature: string }[];
  expect(rows).toMatchObject([{ email: address, temperature: 'hot' }]);
  expect((await get('/v1/leads?temperature=cold')).body.items).toEqual([]);
  expect((await get(`/v1/leads?q=${encodeURIComponent('アオバ')}`)).body.items).toHaveLength(1);
  expect((await get(`/v1/leads?q=${encodeURIComponent('%')}`)).body.items).toEqual([]);
  expect(await get('/v1/leads?temperature=boiling')).toMatchObject({
    status: 400,
    body: { errors: [{ path: 'temperature' }] },
  });
});

test('a row of the list that was ranked on an earlier day, or by an earlier rulebook, is looked at again', async () => {
  const detail = (await get(`/v1/leads/${ref}`)).body;
  const shown = async () => (await get('/v1/leads')).body.items[0];
  const { pool } = api.database;
  const same = { score: detail.score, engagement: detail.engagement, fit: detail.fit, stage: detail.stage };
  expect(await shown()).toMatchObject(same);
  await pool.query('update lead_rank set score = score + 500, score_day = score_day - 1');
  expect(await shown()).toMatchObject(same);
  await pool.query('update lead_rank set score_day = score_day + 1');
  expect(await shown()).toMatchObject({ score: detail.score + 50 });
  // as right after a publish, before anybody was looked at again
  await pool.query('update lead set rulebook = 0');
  expect(await shown()).toMatchObject(same);
  await pool.query('update lead set rulebook = 1');
  await pool.query('update lead_rank set score = score - 500');
  expect(await shown()).toMatchObject(same);
});

test('an outcome of sales becomes an event, once per idempotency key, and moves the stage', async () => {
  const path = `/v1/leads/${ref}/outcomes`;
  const refused = await api.call('POST', path, {
    key: api.keys.sales,
    body: { outcome: 'opportunity', likelihood: 40 },
  });
  expect(refused).toMatchObject({ status: 400, body: { code: 'invalid-input', errors: [{ path: 'nextActionDate' }] } });
  const body = { outcome: 'opportunity', likelihood: 40, nextActionDate: '2026-12-10' };
  const stated = await api.call('POST', path, { key: api.keys.sales, body });
  expect(stated.status).toBe(202);
  const lead = (await get(`/v1/leads/${ref}?after=${stated.body.eventId}`)).body;
  expect(lead.stage).toBe('opportunity');
  const timeline = (await get(`/v1/leads/${ref}/timeline`)).body.items as { id: string; type: string; name: string }[];
  expect(timeline).toContainEqual(
    expect.objectContaining({ id: stated.body.eventId, type: 'outcome', name: 'opportunity' }),
  );
});

test('funnel counts leads and visitors apart', async () => {
  await api.state(fact({ type: 'page', anonymousId: 'browser-2', properties: { path: '/' } }));
  const { body } = await get(`/v1/funnel?${last()}`);
  expect(body.stages).toContainEqual({ stage: 'opportunity', leads: 1, visitors: 0 });
  expect((body.stages as { visitors: number }[]).reduce((sum, row) => sum + row.visitors, 0)).toBe(1);
});

test('a withdrawn event no longer counts, and counts again once restored', async () => {
  const { items } = (await get(`/v1/leads/${ref}/timeline?limit=100`)).body as {
    items: { id: string; name: string }[];
  };
  const form = items.find((entry) => entry.name === '/products/flow')!;
  const before = (await get(`/v1/leads/${ref}`)).body.engagement as number;
  const say = async (withdrawn: boolean) => {
    const { body } = await api.call('POST', '/v1/retractions', {
      key: api.keys.marketing,
      body: { event: form.id, withdrawn, reason: 'a test' },
    });
    return (await get(`/v1/leads/${ref}?after=${body.events[0]}`)).body.engagement as number;
  };
  expect(await say(true)).toBeLessThan(before);
  expect(await say(false)).toBe(before);
  expect(
    await api.call('POST', '/v1/retractions', {
      key: api.keys.marketing,
      body: { event: eventIdOf('x', 'y'), reason: 'x' },
    }),
  ).toMatchObject({ status: 404 });
});

test('a draft is compared with the live rulebook in words and in effect, and nothing changes', async () => {
  const shipped = fs.readFileSync(new URL('../../../rulebooks/default.yaml', import.meta.url), 'utf8');
  const draft = shipped
    .replace('{ signal: viewed-product,     points: 2,', '{ signal: viewed-product,     points: 6,')
    .replace(
      'attribute: company.employees, gte: 100 }                           # 3',
      'attribute: company.employees, gte: 1000 }                          # 3',
    );
  expect(draft).not.toBe(shipped);
  const before = (await get(`/v1/leads/${ref}`)).body;
  const { status, body } = await api.call('POST', '/v1/rulebook/compare', {
    key: api.keys.marketing,
    body: { document: draft },
  });
  expect(status).toBe(200);
  const changes = body.changes as { path: string; kind: string; text: string }[];
  expect(changes.map((change) => change.path).sort()).toEqual(['engagement.viewed-product', 'hot.five-conditions']);
  expect(changes.find((change) => change.path.startsWith('engagement'))!.text).toContain('points 2 → 6');
  expect(body.effect).toMatchObject({ leads: 2, becomeHot: 0, stopBeingHot: 1, scoreUp: 1, scoreDown: 0 });
  expect(body.effect.companies).toEqual({ all: 1, becomeHot: 0, stopBeingHot: 1, warmUp: 0, coolDown: 0 });
  expect(body.sentences).toContain('1 company would stop being hot');
  expect(body.effect.first[0]).toMatchObject({ lead: before.id, before: { score: before.score, temperature: 'hot' } });
  expect((await get(`/v1/leads/${ref}`)).body.score).toBe(before.score);
  const same = await api.call('POST', '/v1/rulebook/compare', {
    key: api.keys.marketing,
    body: { document: shipped, locale: 'ja' },
  });
  expect(same.body).toMatchObject({
    changes: [],
    uncounted: [],
    effect: { becomeHot: 0, stopBeingHot: 0, scoreUp: 0, scoreDown: 0, first: [] },
  });
});
