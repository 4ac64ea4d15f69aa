import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newId } from '#libs/platform';
import { createProjectionPool, ProjectionContext, projectionConfig, rebuild, verify } from '#libs/projection';
import { parseConfig } from '#libs/platform';
import { publishTestRulebook } from '../../../test/projection/test-rulebook.js';
import { startApi, type TestApi } from './start-api.js';

let api: TestApi;

beforeAll(async () => {
  api = await startApi({ projecting: true });
  await publishTestRulebook(api.database.pool, {
    stages: [
      { name: 'visitor', phase: 'TOFU' },
      { name: 'prospect', phase: 'MOFU', when: { signal: 'sent-form' }, requires: ['phone', 'budget'] },
      {
        name: 'opportunity',
        phase: 'BOFU',
        label: { ja: '案件', en: 'Opportunity' },
        outcomes: ['opportunity'],
        approver: 'marketing',
      },
      { name: 'customer', outcomes: ['won'] },
    ],
    recycleTo: 'prospect',
  });
});
afterAll(() => api?.stop());

type Role = 'sales' | 'marketing' | 'admin';
const email = 'taro@example.jp';
const lead = async (after?: string) =>
  (await api.call('GET', `/v1/leads/e:${email}${after ? `?after=${after}` : ''}`, { key: api.keys.sales })).body;
const post = (path: string, role: Role, body: object) =>
  api.call('POST', `/v1/leads/e:${email}/${path}`, { key: api.keys[role], body });
const approve = (role: Role, more: object = {}) =>
  post('approvals', role, { stage: 'opportunity', verdict: 'approved', ...more });
const waiting = async (locale = 'ja') =>
  (await api.call('GET', `/v1/held-moves?locale=${locale}`, { key: api.keys.marketing })).body.items;
const tell = async (properties: object, more: object = {}) => {
  const id = newId();
  const now = Date.now();
  await api.state({
    id,
    type: 'track',
    source: 'www',
    name: 'Form',
    links: true,
    occurredAt: now,
    receivedAt: now,
    email,
    properties: properties as never,
    ...more,
  });
  return id;
};

test('a move that demands fields is held, and what is missing is named', async () => {
  const seen = await lead(await tell({ lastName: '山田', company: '株式会社サンプル', budget: '500万円' }));
  expect(seen).toMatchObject({
    stage: 'visitor',
    held: [
      {
        stage: 'prospect',
        askedBy: 'condition',
        missing: [{ attribute: 'phone', label: 'phone' }],
        approver: null,
        text: 'the move to prospect is held: phone missing',
      },
    ],
  });
  expect(await waiting()).toMatchObject([
    {
      email,
      company: '株式会社サンプル',
      text: '「prospect」への移動は保留中：電話番号が未入力',
      since: expect.any(String),
    },
  ]);
  expect(await approve('marketing', { stage: 'prospect' })).toMatchObject({
    status: 409,
    body: { code: 'no-approval-needed' },
  });
  const told = (await api.call('GET', `/v1/leads/e:${email}/score?locale=ja`, { key: api.keys.sales })).body;
  expect(told.stage).toMatchObject({ phase: 'TOFU', held: [{ missing: [{ label: '電話番号' }] }] });
});

test('it goes on by itself once the field is known', async () => {
  expect(await lead(await tell({ phone: '03-1234-5678' }))).toMatchObject({ stage: 'prospect', held: [] });
  expect(await waiting()).toEqual([]);
});

test('a move that needs an approval waits for it; only who may approve can, and the refusals say why', async () => {
  const asked = await post('outcomes', 'sales', {
    outcome: 'opportunity',
    likelihood: 60,
    nextActionDate: '2027-01-10',
  });
  expect(await lead(asked.body.eventId)).toMatchObject({
    stage: 'prospect',
    held: [{ stage: 'opportunity', askedBy: 'outcome', missing: [], approver: 'marketing' }],
  });
  expect(await waiting('ja')).toMatchObject([{ text: '「案件」への移動は保留中：マーケティングの承認待ち' }]);
  expect(await approve('sales')).toMatchObject({ status: 403, body: { code: 'wrong-approver' } });
  expect(await approve('marketing', { stage: 'customer' })).toMatchObject({ status: 409, body: { code: 'not-held' } });
  expect(await approve('marketing', { verdict: 'declined' })).toMatchObject({
    status: 400,
    body: { errors: [{ path: 'reason' }] },
  });
});

test('I9: approved five times at once it moves once; a rebuild makes no decision again', async () => {
  const answers = await Promise.all(Array.from({ length: 5 }, () => approve('marketing')));
  const stated = answers.filter((answer) => answer.status === 202);
  expect(stated.length).toBeGreaterThanOrEqual(1);
  for (const answer of answers) expect([202, 409]).toContain(answer.status);
  for (const { body } of stated) expect(await lead(body.eventId)).toMatchObject({ stage: 'opportunity', held: [] });
  expect(await approve('marketing')).toMatchObject({ status: 409, body: { code: 'not-held' } });
  const decided = () =>
    api.database.pool.query<{ body: { decision: string; name: string; because?: string } }>(
      "select body from event where kind = 'decision' order by (body->'memory'->>'revision')::int, (body->>'seq')::int",
    );
  const before = (await decided()).rows.map(({ body }) => body);
  expect(
    before
      .filter(({ decision }) => decision !== 'segment' && decision !== 'memory')
      .map((one) => [one.decision, one.name]),
  ).toEqual([
    ['held', 'prospect'],
    ['stage', 'prospect'],
    ['held', 'opportunity'],
    ['stage', 'opportunity'],
  ]);
  expect(stated.map(({ body }) => body.eventId)).toContain(before.findLast((one) => one.decision === 'stage')!.because);
  const memory = (await api.database.pool.query('select memory from lead')).rows;
  const pool = createProjectionPool({ url: api.database.url, applicationName: 'test', max: 6 }, () => undefined);
  try {
    const context = await ProjectionContext.load(pool, parseConfig(projectionConfig, {}));
    expect(await verify(pool, context)).toMatchObject({ differences: [], pending: [] });
    expect(await rebuild(pool, context)).toMatchObject({ corrected: 0 });
  } finally {
    await pool.end();
  }
  expect((await api.database.pool.query('select memory from lead')).rows).toEqual(memory);
  expect((await decided()).rows.map(({ body }) => body)).toEqual(before);
});

test('recycling needs a reason; the next opportunity needs an approval of its own', async () => {
  expect(await post('outcomes', 'sales', { outcome: 'recycled' })).toMatchObject({ status: 400 });
  const back = await post('outcomes', 'sales', { outcome: 'recycled', reason: 'budget frozen' });
  expect(await lead(back.body.eventId)).toMatchObject({ stage: 'prospect', held: [] });
  const again = await post('outcomes', 'sales', {
    outcome: 'opportunity',
    likelihood: 20,
    nextActionDate: '2027-04-01',
  });
  expect(await lead(again.body.eventId)).toMatchObject({ stage: 'prospect', held: [{ stage: 'opportunity' }] });
  const declined = await approve('marketing', { verdict: 'declined', reason: '予算が未確定' });
  expect(await lead(declined.body.eventId)).toMatchObject({ stage: 'prospect', held: [] });
  const timeline = (await api.call('GET', `/v1/leads/e:${email}/timeline?locale=ja`, { key: api.keys.sales })).body
    .items;
  expect((timeline as { text: string }[]).map((item) => item.text)).toEqual(
    expect.arrayContaining(['ステージ移動を却下：opportunity / 予算が未確定', 'ナーチャリングに戻した：budget frozen']),
  );
});
