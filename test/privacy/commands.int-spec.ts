import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Command } from 'commander';
import { eventIdOf } from '#libs/platform';
import { addressHash } from '#libs/nurture';
import { readLead } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { register as allowMail } from '../../tools/leadfold/allow-mail.js';
import { register as erase } from '../../tools/leadfold/erase.js';
import { register as exportPerson } from '../../tools/leadfold/export-person.js';
import { Projecting } from '../projection/projecting.js';
import { publishTestRulebook } from '../projection/test-rulebook.js';

const guide = fs.readFileSync(new URL('../../docs/guides/erasing-a-person.md', import.meta.url), 'utf8');
const commands = [...guide.matchAll(/^npm run leadfold -- (.+)$/gm)].map(([, line]) => line!.split(/\s+/));

/** Real: PostgreSQL, and the commands as the guide shows them. */
let db: TestDatabase;
let projecting: Projecting;
let folder: string;
const before = process.env['DATABASE_URL'];
beforeAll(async () => {
  db = await createTestDatabase();
  process.env['DATABASE_URL'] = db.url;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'leadfold-export-'));
  await publishTestRulebook(db.pool);
  projecting = new Projecting(db);
  await projecting.apply([
    {
      id: eventIdOf('test', 'form'),
      type: 'track',
      source: 'test',
      name: 'Form',
      occurredAt: Date.now() - 60_000,
      receivedAt: Date.now() - 60_000,
      email: 'kaori@example.co.jp',
      links: true,
      properties: { phone: '03-1234-5678' },
    },
  ]);
});
afterAll(async () => {
  if (before === undefined) delete process.env['DATABASE_URL'];
  else process.env['DATABASE_URL'] = before;
  fs.rmSync(folder, { recursive: true });
  await projecting.end();
  await db.drop();
});

async function run(words: string[]): Promise<string> {
  const program = new Command().exitOverride();
  for (const register of [allowMail, erase, exportPerson]) register(program);
  const printed: string[] = [];
  const spy = jest.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
  try {
    await program.parseAsync(words, { from: 'user' });
  } finally {
    spy.mockRestore();
  }
  return printed.join('\n');
}

test('the guide’s commands hand out, erase, and allow mail again, in its order', async () => {
  expect(commands.map(([verb]) => verb)).toEqual(['export-person', 'erase', 'allow-mail']);
  const [handOut, remove, allow] = commands as [string[], string[], string[]];
  const file = path.join(folder, 'kaori.json');
  await run(handOut.map((word) => (word === 'kaori.json' ? file : word)));
  expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toMatchObject({
    format: 'leadfold-person',
    keys: ['e:kaori@example.co.jp'],
    profile: { phone: { value: '03-1234-5678' } },
  });
  expect(fs.statSync(file).mode & 0o077).toBe(0);

  const proof = JSON.parse(await run(remove)) as object;
  expect(proof).toMatchObject({ state: 'done', requestedBy: 'person', reason: 'asked', reference: 'CASE-2026-17' });
  expect(await readLead(db.pool, { key: 'e:kaori@example.co.jp' })).toBeUndefined();
  expect(JSON.parse(await run(remove))).toEqual(proof);

  await run(allow);
  const suppressed = await db.pool.query('select 1 from suppression where hash = $1', [
    addressHash('kaori@example.co.jp'),
  ]);
  expect(suppressed.rowCount).toBe(0);
  await expect(run(allow)).rejects.toMatchObject({ code: 'not-erased' });
  await expect(run(['erase', '--lead', '1', '--email', 'a@x.jp'])).rejects.toMatchObject({ code: 'name-one' });
  const audited = await db.pool.query<{ action: string; actor: string }>(
    'select action, actor from audit_log order by id',
  );
  expect(audited.rows.map((row) => row.action).filter((action) => !action.startsWith('rulebook.'))).toEqual([
    'lead.export',
    'lead.erase',
    'lead.erased',
    'suppression.lift',
  ]);
});
