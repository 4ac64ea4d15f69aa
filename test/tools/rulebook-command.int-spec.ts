import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Command } from 'commander';
import { newId } from '#libs/platform';
import { reviewOlderRulebook } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { register } from '../../tools/leadfold/rulebook.js';
import { Projecting } from '../projection/projecting.js';
import { publishTestRulebook, testRulebook } from '../projection/test-rulebook.js';

let db: TestDatabase;
let projecting: Projecting;
let folder: string;
const before = process.env['DATABASE_URL'];

/** Twelve people with 30 points each, and three with none. */
beforeAll(async () => {
  db = await createTestDatabase();
  process.env['DATABASE_URL'] = db.url;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'leadfold-rulebook-'));
  await publishTestRulebook(db.pool);
  projecting = new Projecting(db);
  const at = Date.now() - 3_600_000;
  const form = (nr: number) => ({
    id: newId(),
    type: 'track' as const,
    source: 'www',
    name: 'Form',
    links: true,
    occurredAt: at,
    receivedAt: at,
    email: `p${String(nr).padStart(2, '0')}@example.jp`,
    properties: { lastName: `山田${nr}`, company: '株式会社サンプル' },
  });
  const identify = (nr: number) => ({ ...form(nr), type: 'identify' as const, name: undefined });
  await projecting.apply([
    ...Array.from({ length: 12 }, (_, nr) => form(nr)),
    ...[12, 13, 14].map((nr) => JSON.parse(JSON.stringify(identify(nr))) as ReturnType<typeof form>),
  ]);
}, 60_000);
afterAll(async () => {
  await projecting?.end();
  if (before === undefined) delete process.env['DATABASE_URL'];
  else process.env['DATABASE_URL'] = before;
  fs.rmSync(folder, { recursive: true, force: true });
  await db?.drop();
});

async function run(...args: string[]): Promise<string> {
  const lines: string[] = [];
  const spy = jest.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  try {
    const program = new Command('leadfold').exitOverride();
    register(program);
    await program.parseAsync(['node', 'leadfold', 'rulebook', ...args]);
  } finally {
    spy.mockRestore();
  }
  return lines.join('\n');
}

const fileOf = (name: string, changes: Parameters<typeof testRulebook>[0]): string => {
  const file = path.join(folder, name);
  fs.writeFileSync(file, JSON.stringify(testRulebook(changes)));
  return file;
};
const draft = () =>
  fileOf('draft.json', {
    hot: { 'score-of-20': { score: { gte: 20 } } },
    rearm: { not: { score: { gte: 10 } } },
    stages: [{ name: 'visitor' }, { name: 'prospect', when: { signal: 'sent-form' } }],
    segments: { engaged: { engagement: { gte: 20 } } },
    labels: { engaged: { ja: '活動中', en: 'active' }, 'score-of-20': { ja: '20点以上', en: 'Score of 20' } },
  } as Parameters<typeof testRulebook>[0]);

test('validate names the path of every error', async () => {
  expect(await run('validate', fileOf('good.json', {}))).toBe('no errors');
  const bad = fileOf('bad.json', { warm: { signal: 'sent-fax' } });
  expect(await run('validate', bad)).toBe('warm.signal: there is no signal "sent-fax"');
  expect(process.exitCode).toBe(1);
  process.exitCode = 0;
});

test('diff says what changes in words and in effect, and who moves first, in both languages', async () => {
  const english = await run('diff', draft(), '--locale', 'en');
  expect(english).toContain(
    'Of 15 leads: 12 would become hot; 12 alerts would be held back; 12 would move from lead to prospect; 12 would enter and 0 would leave the segment active; 1 company would become hot.',
  );
  expect(english).toContain('1. 株式会社サンプル 山田0: score 30 → 30, warm → hot, lead → prospect, Score of 20');
  expect(english.match(/^ {2}\d+\. /gm)).toHaveLength(10);
  const japanese = await run('diff', draft(), '--locale', 'ja');
  expect(japanese).toContain(
    '全15件のうち、12件がホットになります。12件のアラートが保留されます。12件が「lead」から「prospect」に移ります。セグメント「活動中」に12件が入り、0件が外れます。会社1社がホットになります。',
  );
  expect(japanese).toContain('1. 株式会社サンプル 山田0：30点 → 30点、ウォーム → ホット、lead → prospect、20点以上');
  expect(japanese).toContain('セグメント 活動中');
});

test('publish keeps and publishes with a note, quietly; revert publishes the version before again', async () => {
  expect(await run('publish', draft(), '--note', '早めに知らせる')).toContain('version 2 is live');
  while ((await reviewOlderRulebook(projecting.pool, projecting.context)) > 0);
  expect(await run('held-alerts', '2')).toMatch(/^12 shown$/m);
  expect(await run('diff', '1', '--locale', 'en')).toContain('12 would stop being hot');
  expect(await run('revert', '--note', 'too early')).toBe('version 1 is live again');
  expect(await run('versions')).toMatch(/^\* 1 .*\n? /m);
  expect((await run('versions')).split('\n')[0]).toMatch(/^ {2}2 {2}published .* 早めに知らせる$/);
  expect(await run('diff', '1', '--locale', 'en')).toContain('nothing would change');
  const audited = await db.pool.query<{ details: { note: string } }>(
    "select details from audit_log where action = 'rulebook.publish' order by id",
  );
  expect(audited.rows.map((row) => row.details.note)).toEqual(['', '早めに知らせる', 'too early']);
});

test('release needs to know which, and says so', async () => {
  await expect(run('release', '2')).rejects.toMatchObject({ code: 'which-alerts' });
  await expect(run('release', '2', '--all')).rejects.toMatchObject({ code: 'no-alert-channel' });
  await expect(run('publish', 'no-such-file.yaml', '--note', 'x')).rejects.toThrow(/no-such-file/);
});
