import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '#test/until';
import { createApiKey } from '../src/access/api-key.store.js';
import { roles, type Role } from '../src/access/allow.decorator.js';
import { accessTable } from '../src/access/routes.js';
import { startApi, type TestApi } from './start-api.js';

const table = JSON.parse(fs.readFileSync(new URL('../access-table.json', import.meta.url), 'utf8')) as Record<
  string,
  Role[] | 'public'
>;

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

/** A path whose parameters are well-formed, so that what answers is the guard and not the validation. */
const concrete = (route: string) =>
  route.replace(/:(\w+)/g, (_, name: string) => (name === 'id' ? '0193e0d2-8a3c-7d1e-8a3c-7d1e8a3c7d1e' : '1'));

test('S2: every route is in the checked-in table with its roles', () => {
  expect(accessTable(api.app)).toEqual(table);
});

describe('S2: the guard answers as the table says', () => {
  test.each(Object.entries(table).filter(([, allowed]) => allowed !== 'public'))('%s', async (route, allowed) => {
    const [method, path] = route.split(' ') as [string, string];
    expect((await api.call(method, concrete(path))).status).toBe(401);
    expect((await api.call(method, concrete(path), { key: 'lfk_nobody' })).status).toBe(401);
    for (const role of roles) {
      const { status } = await api.call(method, concrete(path), { key: api.keys[role] });
      if (allowed.includes(role)) expect([401, 403]).not.toContain(status);
      else expect(status).toBe(403);
    }
  });
});

test('S1: a collect key can do nothing here', () => {
  for (const allowed of Object.values(table)) if (allowed !== 'public') expect(allowed).not.toContain('collect');
});

test('S8: keys are stored hashed, shown once, and end with their revocation', async () => {
  const made = await api.call('POST', '/v1/api-keys', { key: api.keys.admin, body: { name: 'crm', role: 'sales' } });
  expect(made.status).toBe(201);
  const { key, id } = made.body;
  expect((await api.call('GET', '/v1/funnel', { key })).status).toBe(200);
  const dump = await api.database.pool.query<{ row: string }>(
    'select k::text as row from api_key k union all select a::text from audit_log a',
  );
  expect(dump.rows.map((row) => row.row).join()).not.toContain(key);
  expect((await api.call('GET', '/v1/api-keys', { key: api.keys.admin })).text).not.toContain(key);
  expect((await api.call('DELETE', `/v1/api-keys/${id}`, { key: api.keys.admin })).status).toBe(204);
  expect((await api.call('GET', '/v1/funnel', { key })).status).toBe(401);
});

test('S10: making and revoking keys stand in the audit log with who did it', async () => {
  const rows = await api.database.pool.query<{ action: string; actor: string }>(
    "select action, actor from audit_log where action like 'api-key.%' and actor like 'admin (%' order by id",
  );
  expect(rows.rows.map((row) => row.action)).toEqual(['api-key.create', 'api-key.revoke']);
});

test('a key revoked by another process is refused soon, without a restart', async () => {
  const { pool } = api.database;
  const made = await createApiKey(pool, { name: 'elsewhere', role: 'sales', actor: 'test' });
  const status = async () => (await api.call('GET', '/v1/leads', { key: made.key })).status;
  expect(await status()).toBe(200);
  await pool.query('update api_key set revoked_at = clock_timestamp() where id = $1', [made.id]);
  await until('the key is refused', async () => (await status()) === 401, 5_000);
});

test('the last admin key cannot be revoked', async () => {
  const keys = (await api.call('GET', '/v1/api-keys', { key: api.keys.admin })).body as {
    id: string;
    role: string;
    revokedAt: string | null;
  }[];
  const admins = keys.filter((key) => key.role === 'admin' && !key.revokedAt);
  expect(admins).toHaveLength(1);
  const refused = await api.call('DELETE', `/v1/api-keys/${admins[0]!.id}`, { key: api.keys.admin });
  expect(refused).toMatchObject({ status: 409, body: { code: 'last-admin-key' } });
});

test('a refusal is problem+json with a stable code and the field’s path', async () => {
  const refused = await api.call('POST', '/v1/api-keys', {
    key: api.keys.admin,
    body: { name: '', role: 'boss', extra: 1 },
  });
  expect(refused.status).toBe(400);
  expect(refused.headers['content-type']).toContain('application/problem+json');
  expect(refused.body).toMatchObject({ code: 'invalid-input', status: 400, instance: '/v1/api-keys' });
  expect((refused.body.errors as { path: string }[]).map((error) => error.path).sort()).toEqual([
    'extra',
    'name',
    'role',
  ]);
});
