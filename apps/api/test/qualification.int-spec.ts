import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newId } from '#libs/platform';
import { startApi, type TestApi } from './start-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ projecting: true });
});
afterAll(() => api?.stop());

const email = 'hanako@example.jp';
const read = async (after?: string, locale = 'ja') =>
  (
    await api.call('GET', `/v1/leads/e:${email}/qualification?locale=${locale}${after ? `&after=${after}` : ''}`, {
      key: api.keys.sales,
    })
  ).body;
const answer = (body: object) => api.call('POST', `/v1/leads/e:${email}/qualification`, { key: api.keys.sales, body });
const lead = async (after: string) =>
  (await api.call('GET', `/v1/leads/e:${email}?after=${after}`, { key: api.keys.sales })).body;
const framework = (body: { frameworks: { name: string }[] }, name: string) =>
  body.frameworks.find((one) => one.name === name)!;

async function visitBooth(traits: Record<string, string>): Promise<string> {
  const now = Date.now();
  const common = { source: 'www', occurredAt: now, receivedAt: now, email, properties: {} };
  const last = newId();
  await api.state(
    { ...common, id: newId(), type: 'track', name: 'Booth Visited' },
    { ...common, id: last, type: 'identify', links: true, traits },
  );
  return last;
}

test('a lead of the exhibition lacks what that channel needs, and is qualified by MEDDIC', async () => {
  const seen = await read(await visitBooth({ lastName: '佐藤' }));
  expect(seen).toMatchObject({
    channel: { name: 'exhibition', label: '展示会・名刺' },
    missing: [{ attribute: 'company.name', label: '会社名' }],
  });
  expect(seen.frameworks.map((one: { name: string; recommended: boolean }) => [one.name, one.recommended])).toEqual([
    ['meddic', true],
    ['bant', false],
    ['champ', false],
    ['anum', false],
  ]);
  expect((await read(await visitBooth({ company: '株式会社サンプル' }))).missing).toEqual([]);
});

test('answers are facts: read back with their level, counted as fit, and what is open puts the lead into a segment', async () => {
  const stated = await answer({
    framework: 'bant',
    answers: [
      { question: 'budget', answer: '500万円', grade: 'good', note: '電話で確認' },
      { question: 'authority', answer: '部長決裁', grade: 'good', level: 'organisation' },
    ],
  });
  expect(stated).toMatchObject({ status: 202, body: { eventIds: [expect.any(String), expect.any(String)] } });
  const last = (stated.body.eventIds as string[]).at(-1)!;
  expect(framework(await read(last), 'bant')).toMatchObject({
    label: 'BANT',
    answered: 2,
    gaps: 2,
    questions: [
      {
        name: 'budget',
        label: '予算',
        level: 'opportunity',
        answer: '500万円',
        grade: 'good',
        gap: false,
        event: stated.body.eventIds[0],
      },
      { name: 'authority', level: 'organisation', answer: '部長決裁' },
      { name: 'need', answer: null, gap: true, answeredAt: null },
      { name: 'timing', answer: null },
    ],
  });
  const seen = await lead(last);
  expect(seen.segments).toContain('qualification-gaps');
  expect(seen.fit).toBe(20);
});

test('a later answer wins, an empty one opens the question again, and a withdrawn one brings back the one before', async () => {
  const poor = await answer({
    framework: 'bant',
    answers: [{ question: 'budget', answer: '予算なし', grade: 'poor' }],
  });
  const [event] = poor.body.eventIds as [string];
  expect(framework(await read(event), 'bant')).toMatchObject({ answered: 2, gaps: 3 });
  expect((await lead(event)).fit).toBe(10);
  const retracted = await api.call('POST', '/v1/retractions', {
    key: api.keys.marketing,
    body: { event, withdrawn: true, reason: '聞き間違い' },
  });
  const after = (retracted.body.events as string[])[0]!;
  expect(framework(await read(after), 'bant')).toMatchObject({
    questions: expect.arrayContaining([expect.objectContaining({ answer: '500万円' })]),
  });
  const cleared = await answer({ framework: 'bant', answers: [{ question: 'budget', answer: null }] });
  expect(framework(await read(cleared.body.eventIds[0]), 'bant')).toMatchObject({ answered: 1 });
});

test('what no framework asks is refused by its path', async () => {
  expect(await answer({ framework: 'spin', answers: [{ question: 'budget', answer: 1 }] })).toMatchObject({
    status: 422,
    body: { code: 'framework-unknown', errors: [{ path: 'framework' }] },
  });
  expect(
    await answer({
      framework: 'bant',
      answers: [
        { question: 'need', answer: 1 },
        { question: 'mood', answer: 1 },
      ],
    }),
  ).toMatchObject({ status: 422, body: { code: 'question-unknown', errors: [{ path: 'answers.1.question' }] } });
  expect((await answer({ framework: 'bant', answers: [] })).status).toBe(400);
});
