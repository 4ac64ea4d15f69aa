import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { accessTable } from '../src/access/routes.js';
import { buildOpenApi } from '../src/http/openapi.js';
import { startApi, type TestApi } from './start-api.js';

const openApiFile = new URL('../../../docs/openapi.json', import.meta.url);
const accessFile = new URL('../access-table.json', import.meta.url);

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

/** With WRITE_GOLDENS=1 the files are written instead: read the diff before you commit it. */
function expectFile(file: URL, produced: unknown): void {
  const text = `${JSON.stringify(produced, null, 2)}\n`;
  if (process.env['WRITE_GOLDENS'] === '1') fs.writeFileSync(file, text);
  expect(fs.readFileSync(file, 'utf8')).toBe(text);
}

test('docs/openapi.json is what the routes and schemas produce', () => {
  expectFile(openApiFile, buildOpenApi(api.app));
});

test('S2: access-table.json is what the routes declare', () => {
  expectFile(accessFile, accessTable(api.app));
});

test('every operation tells its success, its refusals and what it is for', () => {
  const { paths } = buildOpenApi(api.app);
  for (const [path, operations] of Object.entries(paths))
    for (const [verb, operation] of Object.entries(
      operations as Record<string, { summary?: string; responses: Record<string, unknown> }>,
    )) {
      const statuses = Object.keys(operation.responses);
      expect([path, verb, operation.summary ? 'told' : 'untold']).toEqual([path, verb, 'told']);
      expect([path, verb, statuses.some((status) => status.startsWith('2')) && statuses.includes('default')]).toEqual([
        path,
        verb,
        true,
      ]);
    }
});
