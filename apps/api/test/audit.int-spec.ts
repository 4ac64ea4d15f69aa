import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LeadEvent } from '#libs/leads/domain';
import { eventIdOf } from '#libs/platform';
import { readLead } from '#libs/projection';
import { until } from '#test/until';
import { accessTable } from '../src/access/routes.js';
import { startApi, type TestApi } from './start-api.js';

const shipped = fs.readFileSync(new URL('../../../rulebooks/default.yaml', import.meta.url), 'utf8');
const now = Date.now();

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ projecting: true });
  await api.state(fact('taro', 'e-1', { email: 'taro@x.jp' }), fact('form', 'e-2', { email: 'jiro@x.jp' }));
  await until('both are there', () => readLead(api.database.pool, { key: 'e:jiro@x.jp' }));
  await until('both are there', () => readLead(api.database.pool, { key: 'e:taro@x.jp' }));
  const { pool } = api.database;
  await pool.query("insert into listener (kind, name, wanted_by) values ('crossing', 'hot', 'handoff')");
  for (const position of [1, 2])
    await pool.query(
      `insert into quarantine (topic, partition, position, headers, code, detail, batch, quarantined_at)
       values ('leadfold.events.v1', 0, 1000000 + $1, '{}', 'bad-id', 'ce_id is not a UUID', 1, now())`,
      [position],
    );
});
afterAll(() => api?.stop());

const fact = (name: string, messageId: string, keys: Partial<LeadEvent>): LeadEvent => ({
  id: eventIdOf('www', messageId),
  type: 'track',
  source: 'www',
  occurredAt: now,
  receivedAt: now,
  name,
  links: true,
  properties: {},
  ...keys,
});

interface Change {
  url: string | (() => string | Promise<string>);
  body?: object | (() => object | Promise<object>);
  action: string;
}

const one = async <Row extends object | undefined>(sql: string): Promise<Row> =>
  (await api.database.pool.query<NonNullable<Row>>(sql)).rows[0] as Row;
const because = 'the test asks for it';

/** How to make each change, in an order in which each can be made. */
const changes: Record<string, Change> = {
  'POST /v1/api-keys': { url: '/v1/api-keys', body: { name: 'crm', role: 'sales' }, action: 'api-key.create' },
  'DELETE /v1/api-keys/:id': {
    url: async () => `/v1/api-keys/${(await one<{ id: string }>("select id from api_key where name = 'crm'")).id}`,
    action: 'api-key.revoke',
  },
  'POST /v1/sources': { url: '/v1/sources', body: { id: 'www', name: 'Site' }, action: 'source.create' },
  'POST /v1/sources/:source/keys': { url: '/v1/sources/www/keys', body: {}, action: 'write-key.create' },
  'DELETE /v1/sources/:source/keys/:hash': {
    url: async () => `/v1/sources/www/keys/${(await one<{ hash: string }>('select hash from write_key')).hash}`,
    action: 'write-key.revoke',
  },
  'POST /v1/rulebook/versions': { url: '/v1/rulebook/versions', body: { document: shipped }, action: 'rulebook.save' },
  'POST /v1/rulebook/publish': { url: '/v1/rulebook/publish', body: { version: 2 }, action: 'rulebook.publish' },
  'POST /v1/rulebook/versions/:version/held-alerts/release': {
    url: '/v1/rulebook/versions/2/held-alerts/release',
    body: { all: true },
    action: 'alerts.release',
  },
  'POST /v1/scenarios': {
    url: '/v1/scenarios',
    body: async () => ({
      document: (await one<{ document: object }>("select document from scenario_version where name = 'introduction'"))
        .document,
    }),
    action: 'scenario.save',
  },
  'POST /v1/scenarios/:name/activate': {
    url: '/v1/scenarios/introduction/activate',
    body: {},
    action: 'scenario.activate',
  },
  'POST /v1/scenarios/:name/pause': { url: '/v1/scenarios/introduction/pause', action: 'scenario.pause' },
  'POST /v1/templates': {
    url: '/v1/templates',
    body: { name: 'hello', texts: { en: text(), ja: text() } },
    action: 'template.save',
  },
  'POST /v1/merges': {
    url: '/v1/merges',
    body: { keys: ['e:taro@x.jp', 'u:main:taro'], reason: because },
    action: 'identity.merge',
  },
  'POST /v1/unmerges': {
    url: '/v1/unmerges',
    body: { event: eventIdOf('www', 'e-1'), reason: because },
    action: 'identity.unmerge',
  },
  'POST /v1/retractions': {
    url: '/v1/retractions',
    body: { event: eventIdOf('www', 'e-2'), reason: because },
    action: 'identity.retraction',
  },
  'POST /v1/aparts': {
    url: '/v1/aparts',
    body: { keys: ['e:taro@x.jp', 'e:jiro@x.jp'], reason: because },
    action: 'identity.apart',
  },
  'POST /v1/aparts/:event/lift': {
    url: async () => {
      const apart = await until('they are held apart', () =>
        one<{ id: string } | undefined>("select id from event where type = 'apart'"),
      );
      return `/v1/aparts/${apart.id}/lift`;
    },
    body: { reason: because },
    action: 'identity.lift',
  },
  'POST /v1/quarantine/:id/replay': { url: () => quarantined(1), action: 'quarantine.replay' },
  'POST /v1/quarantine/:id/discard': {
    url: () => quarantined(2),
    body: { reason: because },
    action: 'quarantine.discard',
  },
  'POST /v1/leads/:lead/account': {
    url: '/v1/leads/e:taro@x.jp/account',
    body: { account: 'd:x.jp', reason: because },
    action: 'account.assign',
  },
  'POST /v1/leads/:lead/erasure': {
    url: '/v1/leads/e:taro@x.jp/erasure',
    body: { requestedBy: 'person', reason: 'asked' },
    action: 'lead.erased',
  },
};

/** Routes that write and are no privileged change. */
const others: Record<string, string> = {
  'POST /u/:token': 'the person’s own word, by the link in a mail',
  'POST /v1/leads/:lead/approvals': 'a fact on the log, which names who said it',
  'POST /v1/leads/:lead/qualification': 'a fact on the log, which names who said it',
  'POST /v1/leads/:lead/outcomes': 'a fact on the log, which names who said it',
  'POST /v1/leads/:lead/outcomes/:event/corrections': 'facts on the log, which name who said them',
  ...Object.fromEntries(
    ['merges', 'unmerges', 'retractions', 'aparts', 'aparts/:event/lift'].map((what) => [
      `POST /v1/${what}/preview`,
      'changes nothing',
    ]),
  ),
  'POST /v1/rulebook/compare': 'changes nothing',
  'POST /v1/rulebook/validate': 'changes nothing',
};

const quarantined = async (position: number): Promise<string> => {
  const { id } = await one<{ id: number }>(`select id from quarantine where position = 1000000 + ${position}`);
  return `/v1/quarantine/${id}/${position === 1 ? 'replay' : 'discard'}`;
};

function text(): object {
  const words = '{{ lead.display_name }} {{ sender_name }} {{ sender_address }} <a href="{{ unsubscribe_url }}">x</a>';
  const mjml = `<mjml><mj-body><mj-section><mj-column><mj-text>${words}</mj-text></mj-column></mj-section></mj-body></mjml>`;
  return { subject: 'Hello', mjml };
}

test('S10: every route that changes something is here, as a privileged change or with the reason why it is none', () => {
  const writing = Object.keys(accessTable(api.app)).filter((route) => !route.startsWith('GET '));
  expect([...Object.keys(changes), ...Object.keys(others)].sort()).toEqual(writing.sort());
});

describe('S10: each privileged change is in the audit log with who made it', () => {
  test.each(Object.entries(changes))('%s', async (route, { url, body, action }) => {
    const [method] = route.split(' ');
    const at = typeof url === 'string' ? url : await url();
    const said = typeof body === 'function' ? await (body as () => Promise<object>)() : body;
    const last = (await one<{ id: number }>('select coalesce(max(id), 0) as id from audit_log')).id;
    const answer = await api.call(method!, at, { key: api.keys.admin, body: said });
    expect([route, answer.status < 300, answer.status < 300 ? '' : answer.text]).toEqual([route, true, '']);
    const rows = await api.database.pool.query<{ actor: string; action: string }>(
      'select actor, action from audit_log where id > $1 order by id',
      [last],
    );
    expect(rows.rows.filter((row) => row.actor.startsWith('admin (')).map((row) => row.action)).toContain(action);
  });
});

test('S10: a refused change leaves no row', async () => {
  const count = async () => (await one<{ n: number }>('select count(*)::int as n from audit_log')).n;
  const before = await count();
  expect((await api.call('POST', '/v1/rulebook/publish', { key: api.keys.admin, body: { version: 99 } })).status).toBe(
    404,
  );
  expect((await api.call('DELETE', `/v1/sources/www/keys/${'0'.repeat(64)}`, { key: api.keys.admin })).status).toBe(
    404,
  );
  expect(await count()).toBe(before);
});

test('the audit log is read by admins, newest first, in pages, by action or group of actions', async () => {
  const seen: number[] = [];
  for (let cursor = ''; ;) {
    const page = await api.call('GET', `/v1/audit?limit=7${cursor}`, { key: api.keys.admin });
    expect(page.status).toBe(200);
    seen.push(...(page.body.items as { id: number }[]).map((item) => item.id));
    if (page.body.nextCursor === null) break;
    cursor = `&cursor=${page.body.nextCursor}`;
  }
  const all = await api.database.pool.query<{ id: number }>('select id from audit_log order by id desc');
  expect(seen).toEqual(all.rows.map((row) => row.id));
  const actions = async (action: string) =>
    (
      (await api.call('GET', `/v1/audit?action=${action}`, { key: api.keys.admin })).body.items as { action: string }[]
    ).map((item) => item.action);
  expect(await actions('rulebook.publish')).toEqual(['rulebook.publish', 'rulebook.publish']);
  expect(await actions('lead.')).toEqual(['lead.erased', 'lead.erase']);
  expect((await api.call('GET', '/v1/audit', { key: api.keys.marketing })).status).toBe(403);
});
