import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { LeadEvent } from '#libs/leads/domain';
import { eventIdOf, newId } from '#libs/platform';
import { startApi, type TestApi } from './start-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ projecting: true });
});
afterAll(() => api?.stop());

const minute = 60_000;
const start = Date.now() - 120 * minute;
let serial = 0;
function fact(fields: Partial<LeadEvent> & Pick<LeadEvent, 'type'>): LeadEvent {
  const at = start + serial * minute;
  return {
    id: eventIdOf('test', `i-${serial++}`),
    source: 'test',
    occurredAt: at,
    receivedAt: at + 100,
    properties: {},
    ...fields,
  };
}
const views = (count: number, keys: Partial<LeadEvent>) =>
  Array.from({ length: count }, (_, index) =>
    fact({
      type: 'page',
      ...keys,
      properties: { path: `/products/p${index}` },
      context: { page: { path: '/pricing' } },
    }),
  );
const identify = (keys: Partial<LeadEvent>) => fact({ type: 'identify', links: true, ...keys });
const state = async (...events: LeadEvent[]) => {
  await api.state(...events);
  await get(`/v1/leads/${key(events.at(-1)!)}?after=test%2Fi-${serial - 1}`);
};
const key = ({ userId, email, anonymousId }: Partial<LeadEvent>) =>
  encodeURIComponent(userId ? `u:${userId}` : email ? `e:${email}` : `a:${anonymousId}`);
const get = async (path: string) => (await api.call('GET', path, { key: api.keys.marketing })).body;
const post = (path: string, body: object) => api.call('POST', path, { key: api.keys.marketing, body });
/** Says it, and waits until it is folded. */
const say = async (path: string, body: object): Promise<string[]> => {
  const { status, body: answer } = await post(path, body);
  expect(status).toBe(202);
  const events = answer.events as string[];
  await get(`/v1/aparts?after=${events.at(-1)}`);
  return events;
};
const standing = async (lead: string) => {
  const { id, keys, score, temperature, stage, grade, segments, visitor } = await get(`/v1/leads/${lead}`);
  return { lead: id, keys, score, temperature, stage, grade, segments, visitor };
};
const shown = (side: Record<string, unknown>[]) =>
  side.map(({ events: _, ...rest }) => rest).sort((a, b) => Number(a['lead']) - Number(b['lead']));

test('a merge and its un-merge do what their previews said: keys, score, temperature, stage, events moved, runs that exit', async () => {
  const [a, b] = [{ email: 'a@mirai.example' }, { email: 'b@mirai.example' }];
  await state(...views(4, a), identify({ ...a, anonymousId: 'phone' }));
  await state(...views(2, { anonymousId: 'phone' }));
  await state(...views(3, b));
  const [left, right] = [await standing(key(a)), await standing(key(b))];
  for (const lead of [left.lead, right.lead])
    await api.database.pool.query(
      `insert into run (id, key, scenario, version, lead, subject_key, entry_event, step, data, entered_at)
        values ($1, $2, 'material-follow-up', 1, $3::bigint, 'e:x', $1, 'thanks', '{}', now() + $3::bigint * interval '1 second')`,
      [newId(), `run-${lead}`, lead],
    );

  const merge = { keys: ['e:a@mirai.example', 'e:b@mirai.example'], reason: 'called from the same desk' };
  const told = await post('/v1/merges/preview', merge);
  expect(told.status).toBe(200);
  expect(told.body).toMatchObject({ eventsMoved: 3, refold: { leads: 0, events: 0, inBackground: false } });
  expect(told.body.runsThatExit).toMatchObject([
    { scenario: 'material-follow-up', lead: right.lead, reason: 'merged' },
  ]);
  expect(shown(told.body.before)).toEqual([left, right]);
  // nothing was said: nothing is there
  expect([await standing(key(a)), await standing(key(b))]).toEqual([left, right]);

  const [merged] = await say('/v1/merges', merge);
  expect(shown(told.body.after)).toEqual([await standing(key(a))]);
  expect((await standing(key(b))).lead).toBe(left.lead);

  const unmerge = { event: merged, keepApart: ['e:a@mirai.example', 'e:b@mirai.example'], reason: 'twins' };
  const undo = (await post('/v1/unmerges/preview', unmerge)).body;
  expect(undo).toMatchObject({ eventsMoved: 3, refold: { leads: 2, inBackground: false }, runsThatExit: [] });
  expect((undo.after as { events: number }[]).map(({ events }) => events).sort()).toEqual([3, 9]);
  await say('/v1/unmerges', unmerge);
  expect(shown(undo.after)).toEqual([await standing(key(a)), await standing(key(b))]);
  expect([await standing(key(a)), await standing(key(b))]).toEqual([left, right]);
});

test('a retraction does what its preview said', async () => {
  const person = { email: 'r@mirai.example' };
  await state(...views(5, person), identify({ ...person, traits: { company: 'ミライ', employees: 500 } }));
  const wrong = (await get(`/v1/leads/${key(person)}`)).profile['company.name'].event as string;
  const body = { event: wrong, reason: 'another company of the same name' };
  const told = (await post('/v1/retractions/preview', body)).body;
  const before = await standing(key(person));
  expect(shown(told.before)).toEqual([before]);
  await say('/v1/retractions', body);
  const after = await standing(key(person));
  expect(after.score).not.toBe(before.score);
  expect(shown(told.after)).toEqual([after]);
});

test('two keys stay apart for good, are listed, and are joined again once that is lifted', async () => {
  const keys = ['e:c@mirai.example', 'u:main:c'];
  const link = () => identify({ email: 'c@mirai.example', userId: 'main:c' });
  await state(...views(2, { email: 'c@mirai.example' }), ...views(1, { userId: 'main:c' }));
  const [apart] = await say('/v1/aparts', { keys, reason: 'a shared mailbox' });
  await state(link());
  await state(link());
  expect((await get('/v1/leads/u%3Amain%3Ac')).keys).toEqual(['u:main:c']);

  expect((await get('/v1/aparts')).items[0]).toMatchObject({ event: apart, keys, reason: 'a shared mailbox' });
  const skipped = (await get('/v1/skipped-links')).items as { because: string; keys: string[] }[];
  expect(skipped.map(({ because }) => because)).toEqual(['apart', 'apart']);
  const page = await get('/v1/skipped-links?limit=1');
  expect(page.items).toHaveLength(1);
  expect((await get(`/v1/skipped-links?limit=1&cursor=${page.nextCursor}`)).items[0]).toEqual(skipped[1]);

  const lift = { reason: 'it was one person after all' };
  const told = (await post(`/v1/aparts/${apart}/lift/preview`, lift)).body;
  expect(told.after).toMatchObject([{ keys }]);
  await say(`/v1/aparts/${apart}/lift`, lift);
  expect((await get('/v1/leads/u%3Amain%3Ac')).keys).toEqual(keys);
  expect((await get('/v1/aparts')).items).not.toContainEqual(expect.objectContaining({ event: apart }));
  expect((await get('/v1/skipped-links')).items).toEqual([]);
  expect(await post(`/v1/aparts/${apart}/lift`, lift)).toMatchObject({ status: 404, body: { code: 'apart-unknown' } });
  expect(await post('/v1/aparts', { keys: ['a:x', 'e:y@z.example'], reason: 'x' })).toMatchObject({
    status: 400,
    body: { errors: [{ path: 'keys' }] },
  });
});

test('the identity of a lead: each link with its event, what was withdrawn by whom, and whose a browser was when', async () => {
  const kiosk = { anonymousId: 'kiosk' };
  const [taro, hana] = [{ userId: 'main:taro' }, { userId: 'main:hana' }];
  await state(...views(1, kiosk));
  const first = identify({ ...kiosk, ...taro, email: 'taro@mirai.example' });
  const second = identify({ ...kiosk, ...hana });
  await state(first, ...views(1, kiosk), second, ...views(1, kiosk));
  const [merged] = await say('/v1/merges', { keys: ['u:main:taro', 'e:office@mirai.example'], reason: 'a guess' });
  await say('/v1/unmerges', { event: merged, reason: 'a wrong guess' });

  const graph = await get('/v1/leads/u%3Amain%3Ataro/identity');
  const lead = (await get('/v1/leads/u%3Amain%3Ataro')).id as number;
  const other = (await get('/v1/leads/u%3Amain%3Ahana')).id as number;
  const iso = (event: LeadEvent) => new Date(event.occurredAt).toISOString();
  expect(graph).toMatchObject({ lead, keys: ['e:taro@mirai.example', 'u:main:taro'], mixed: false, truncated: false });
  expect(graph.links).toMatchObject([
    {
      event: merged,
      type: 'merge',
      reason: 'a guess',
      state: 'withdrawn',
      because: 'unmerged',
      judgedBy: { reason: 'a wrong guess' },
      keys: ['u:main:taro', 'e:office@mirai.example'],
    },
    {
      event: first.id,
      type: 'identify',
      state: 'active',
      because: null,
      keys: ['u:main:taro', 'e:taro@mirai.example'],
    },
    { event: first.id, type: 'identify', state: 'active', keys: ['a:kiosk', 'u:main:taro'] },
  ]);
  expect(graph.browsers).toEqual([
    {
      anonymousId: 'kiosk',
      intervals: [
        { from: null, until: iso(second), key: 'u:main:taro', lead },
        { from: iso(second), until: null, key: 'u:main:hana', lead: other },
      ],
    },
  ]);
  expect((await get('/v1/leads/a%3Akiosk/identity')).mixed).toBe(true);
});

test('an outcome that was wrong is corrected: the stage follows, and the history shows both and why', async () => {
  const person = { email: 'outcome@mirai.example' };
  await state(...views(2, person));
  const path = `/v1/leads/${key(person)}/outcomes`;
  const sales = (url: string, body: object) => api.call('POST', url, { key: api.keys.sales, body });
  const won = (await sales(path, { outcome: 'won', value: 1_000_000 })).body.eventId as string;
  expect((await get(`/v1/leads/${key(person)}?after=${won}`)).stage).toBe('customer');
  const body = { correction: { outcome: 'lost', reason: 'signed elsewhere' }, reason: 'entered on the wrong lead' };
  const corrected = await sales(`${path}/${won}/corrections`, body);
  expect(corrected.status).toBe(202);
  const lead = await get(`/v1/leads/${key(person)}?after=${corrected.body.eventId}`);
  expect([lead.stage, lead.profile.outcome.value, lead.profile['opportunity.value']]).toEqual([
    'lost',
    'lost',
    undefined,
  ]);
  const history = (await get(`/v1/leads/${key(person)}/timeline`)).items as {
    id: string;
    type: string;
    name: string;
  }[];
  expect(history.find(({ id }) => id === won)).toMatchObject({
    name: 'won',
    counts: false,
    judgements: [
      { type: 'retraction', name: 'withdrawn', actor: expect.stringContaining('sales'), reason: body.reason },
    ],
  });
  expect(history.find(({ type, name }) => type === 'outcome' && name === 'lost')).toMatchObject({
    counts: true,
    properties: { corrects: won },
  });
  expect(await sales(`/v1/leads/a%3Akiosk/outcomes/${won}/corrections`, body)).toMatchObject({
    status: 404,
    body: { code: 'outcome-unknown' },
  });
});
