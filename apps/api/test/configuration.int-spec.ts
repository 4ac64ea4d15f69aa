import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newId, TokenSeal } from '#libs/platform';
import { startApi, testSecret, type TestApi } from './start-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ projecting: true });
});
afterAll(() => api?.stop());

const as = (role: 'admin' | 'marketing' | 'sales') => ({ key: api.keys[role] });
const shipped = fs.readFileSync(new URL('../../../rulebooks/default.yaml', import.meta.url), 'utf8');

test('a rulebook is checked with the path of every error, and kept only when it has none', async () => {
  const broken = shipped.replace(
    'signal: requested-material, within: 14d',
    'signal: requested-materials, within: 14 days',
  );
  const verdict = await api.call('POST', '/v1/rulebook/validate', { ...as('marketing'), body: { document: broken } });
  expect(verdict.body.valid).toBe(false);
  expect(
    (verdict.body.errors as { path: string }[]).every((error) => error.path.startsWith('hot.five-conditions.all.0')),
  ).toBe(true);
  expect(
    await api.call('POST', '/v1/rulebook/versions', { ...as('marketing'), body: { document: broken } }),
  ).toMatchObject({
    status: 422,
    body: { code: 'rulebook-invalid' },
  });
  expect((await api.call('GET', '/v1/rulebook/versions', as('sales'))).body).toHaveLength(1);
});

test('a version is kept, published, and an older one published again; each stands in the audit log', async () => {
  const document = shipped.replace('title: Leadfold default', 'title: Ours');
  const saved = await api.call('POST', '/v1/rulebook/versions', {
    ...as('marketing'),
    body: { document, note: 'our title' },
  });
  expect(saved).toMatchObject({ status: 201, body: { version: 2 } });
  expect((await api.call('GET', '/v1/rulebook', as('sales'))).body.version).toBe(1);
  expect((await api.call('POST', '/v1/rulebook/publish', { ...as('marketing'), body: { version: 2 } })).status).toBe(
    200,
  );
  expect((await api.call('GET', '/v1/rulebook', as('sales'))).body).toMatchObject({
    version: 2,
    document: { title: 'Ours' },
  });
  expect(
    (await api.call('POST', '/v1/rulebook/publish', { ...as('marketing'), body: { version: 1, note: 'back' } })).status,
  ).toBe(200);
  expect((await api.call('GET', '/v1/rulebook', as('sales'))).body.version).toBe(1);
  expect(await api.call('POST', '/v1/rulebook/publish', { ...as('marketing'), body: { version: 99 } })).toMatchObject({
    status: 404,
    body: { code: 'rulebook-unknown' },
  });
  const audited = await api.database.pool.query<{ action: string }>(
    "select action from audit_log where actor like 'marketing (%' and action like 'rulebook.%' order by id",
  );
  expect(audited.rows.map((row) => row.action)).toEqual(['rulebook.save', 'rulebook.publish', 'rulebook.publish']);
});

test('scenarios are listed, kept as versions, activated and paused; errors name the path', async () => {
  const list = (await api.call('GET', '/v1/scenarios', as('sales'))).body as {
    name: string;
    document: Record<string, unknown>;
  }[];
  expect(list.length).toBeGreaterThanOrEqual(2);
  const { name, document } = list[0]!;
  const refused = await api.call('POST', '/v1/scenarios', {
    ...as('marketing'),
    body: { document: { ...document, entry: { signal: 'never-heard-of' } } },
  });
  expect(refused.status).toBe(422);
  expect((refused.body.errors as { path: string }[])[0]!.path).toMatch(/^entry/);
  const saved = await api.call('POST', '/v1/scenarios', { ...as('marketing'), body: { document } });
  expect(saved).toMatchObject({ status: 201, body: { name } });
  const activated = await api.call('POST', `/v1/scenarios/${name}/activate`, { ...as('marketing'), body: {} });
  expect(activated).toMatchObject({ status: 200, body: { activeVersion: saved.body.version, paused: false } });
  const paused = await api.call('POST', `/v1/scenarios/${name}/pause`, as('marketing'));
  expect(paused).toMatchObject({ status: 200, body: { paused: true } });
  const listeners = await api.database.pool.query('select 1 from listener where wanted_by = $1 and kind = $2', [
    `scenario:${name}`,
    'segment',
  ]);
  expect(listeners.rowCount).toBe(0);
});

test('sources and their keys: made, shown once, revoked by hash', async () => {
  const made = await api.call('POST', '/v1/sources', { ...as('admin'), body: { id: 'www', name: 'Corporate site' } });
  expect(made).toMatchObject({ status: 201, body: { key: expect.stringMatching(/^wk_/) } });
  expect(await api.call('POST', '/v1/sources', { ...as('admin'), body: { id: 'www', name: 'Twice' } })).toMatchObject({
    status: 409,
    body: { code: 'source-exists' },
  });
  expect(await api.call('POST', '/v1/sources', { ...as('admin'), body: { id: 'W W', name: 'Bad' } })).toMatchObject({
    status: 422,
    body: { errors: [{ path: 'id' }] },
  });
  const listed = await api.call('GET', '/v1/sources', as('marketing'));
  expect(listed.text).not.toContain(made.body.key);
  const [source] = listed.body as { keys: { hash: string; revokedAt: string | null }[] }[];
  expect((await api.call('DELETE', `/v1/sources/www/keys/${source!.keys[0]!.hash}`, as('admin'))).status).toBe(204);
  expect((await api.call('DELETE', `/v1/sources/www/keys/${source!.keys[0]!.hash}`, as('admin'))).status).toBe(404);
});

test('I14: a quarantined record is listed with its bytes and put back on the log as it came', async () => {
  const value = Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x7d]);
  const added = await api.database.pool.query<{ id: number }>(
    `insert into quarantine (topic, partition, position, record_key, headers, value, code, detail, batch, quarantined_at)
     values ('leadfold.events.v1', 0, 999999, 'k', '{"ce_id":"x"}', $1, 'bad-id', 'ce_id is not a UUID', 1, now()) returning id`,
    [value],
  );
  const id = added.rows[0]!.id;
  const { items } = (await api.call('GET', '/v1/quarantine', as('marketing'))).body as {
    items: { id: number; valueBase64: string }[];
  };
  expect(items.find((item) => item.id === id)!.valueBase64).toBe(value.toString('base64'));
  expect((await api.call('POST', `/v1/quarantine/${id}/replay`, as('admin'))).status).toBe(200);
  expect(await api.call('POST', `/v1/quarantine/${id}/replay`, as('admin'))).toMatchObject({
    status: 404,
    body: { code: 'quarantine-unknown' },
  });
  const again = async () =>
    (
      await api.database.pool.query<{ value: Buffer }>(
        "select value from quarantine where status = 'waiting' and id <> $1",
        [id],
      )
    ).rows.map((row) => row.value);
  const deadline = Date.now() + 10_000;
  while (!(await again()).length && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await again()).toEqual([value]);
});

test('S5: following an unsubscribe link changes nothing; the one-click POST does it at once (I22)', async () => {
  const seal = new TokenSeal(testSecret, 'unsubscribe');
  const id = newId();
  await api.database.pool.query(
    `insert into delivery (id, key, purpose, channel, lead, subject_key, recipient, state, due_at, limit_at, created_at, payload)
     values ($1, 'k1', 'nurture', 'email', 1, 'e:"<b>x@y.example', '"<b>x@y.example', 'sent', now(), now(), now(), '{"locale":"en"}')`,
    [id],
  );
  const token = seal.seal({ d: id, k: 'e:"<b>x@y.example' });
  const suppressed = async () => (await api.database.pool.query('select 1 from suppression')).rowCount;
  for (const method of ['GET', 'HEAD']) expect((await api.call(method, `/u/${token}`)).status).toBe(200);
  const page = await api.call('GET', `/u/${token}`);
  expect(page.text).toContain('Unsubscribe');
  expect(page.text).not.toContain('<b>x');
  expect(page.headers['content-security-policy']).toContain("default-src 'none'");
  expect(await suppressed()).toBe(0);
  const posted = await api.app.inject({
    method: 'POST',
    url: `/u/${token}`,
    payload: 'List-Unsubscribe=One-Click',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect([posted.statusCode, posted.body]).toEqual([200, '']);
  expect(await suppressed()).toBe(1);
  const multipart = await api.app.inject({
    method: 'POST',
    url: `/u/${token}`,
    payload: '--x\r\n\r\nOne-Click\r\n--x--',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
  });
  expect(multipart.statusCode).toBe(200);
  expect((await api.call('GET', `/u/${token.slice(0, -2)}xx`)).status).toBe(404);
  expect((await api.call('POST', `/u/${token.slice(0, -2)}xx`)).status).toBe(404);
});
