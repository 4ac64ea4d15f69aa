import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventIdOf } from '#libs/platform';
import type { LeadEvent } from '#libs/leads/domain';
import { rebuildStatus, verify } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { projectRoot } from '../../tools/project.js';
import { canonicalLeads, Projecting } from './projecting.js';
import { publishTestRulebook } from './test-rulebook.js';

const now = Date.now();

/** Real: PostgreSQL, and the operator's program as a process of its own, from the build; killed by SIGKILL where it says. */
let db: TestDatabase;
let projecting: Projecting;
beforeAll(async () => {
  db = await createTestDatabase();
  await publishTestRulebook(db.pool);
  projecting = new Projecting(db);
});
afterAll(async () => {
  await projecting.end();
  await db.drop();
});

const views = (prefix: string, count: number, leads: number): LeadEvent[] =>
  Array.from({ length: count }, (_, index) => ({
    id: eventIdOf('test', `${prefix}${index}`),
    type: 'page',
    source: 'test',
    occurredAt: now - 60_000,
    receivedAt: now,
    properties: { path: `/products/${index}` },
    ...(index % 3 === 0 ? { email: `p${index % leads}@x.jp` } : { anonymousId: `b${index % leads}` }),
  }));

async function leadfold(args: string[], env: Record<string, string> = {}): Promise<{ ended: string; said: string }> {
  const child = spawn(process.execPath, [path.join(projectRoot, 'dist/tools/leadfold.js'), ...args], {
    env: { ...process.env, DATABASE_URL: db.url, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { ended: signal ?? String(code), said };
}

/** Numbers aside, what a program says stands in the guide. */
const pattern = (line: string): string => line.replace(/\d[\d,.:TZ-]*/g, '#').replace(/operator:\w+/, 'operator');
const guide = fs.readFileSync(path.join(projectRoot, 'docs/guides/rebuild-and-verify.md'), 'utf8');
const shown = new Set(
  [...guide.matchAll(/^```text\n([\s\S]*?)^```/gm)].flatMap(([, block]) => block!.split('\n').map(pattern)),
);
const inGuide = (said: string, lines: RegExp) => {
  const own = said.split('\n').filter((line) => lines.test(line));
  expect(own.length).toBeGreaterThan(0);
  for (const line of own) expect(shown).toContain(pattern(line));
};

test.each([
  ['rebuild.after_flush', 'reading events', true],
  ['rebuild.after_merge', 'writing leads', true],
  ['rebuild.before_swap', 'catching up', true],
  ['rebuild.after_swap', 'no unfinished rebuild', false],
])(
  'I10: killed at %s, a rebuild goes on where it was, with what came meanwhile, and ends in the same state',
  async (failpoint, where, resumes) => {
    await projecting.apply(views(`${failpoint}-`, 300, 40));
    const killed = await leadfold(['rebuild'], { FAILPOINT: failpoint });
    expect(killed.ended).toBe('SIGKILL');
    const status = await leadfold(['rebuild', '--status']);
    expect(status.said).toContain(where);
    if (resumes) expect(status.said).toContain('at rest');
    if (where === 'catching up') inGuide(status.said, /^begun at/);
    await projecting.apply(views(`${failpoint}-late-`, 60, 50));
    const before = await canonicalLeads(db.pool);
    const again = await leadfold(['rebuild']);
    expect(again).toMatchObject({ ended: '0' });
    if (resumes) expect(again.said).toContain('Going on with the rebuild begun at');
    expect(again.said).toMatch(/swapped in one step: batches waited \d+ ms/);
    expect(again.said).toContain('0 were other than their events say, 0 belonged to somebody else');
    inGuide(again.said, /rebuilt from|^swapped|were other than/);
    expect(await canonicalLeads(db.pool)).toEqual(before);
    expect(await verify(projecting.pool, projecting.context)).toMatchObject({
      differences: [],
      identityDifferences: 0,
    });
    expect(await rebuildStatus(projecting.pool)).toBeUndefined();
    const left = await db.pool.query(
      `select 1 from pg_class where relnamespace in (select oid from pg_namespace where nspname in ('rebuild', 'rebuild_old'))`,
    );
    expect(left.rowCount).toBe(0);
  },
  120_000,
);

test('verify says what differs, by lead and cell, and exits with 1; a rebuild mends it', async () => {
  await projecting.apply(views('damage-', 30, 5));
  expect((await leadfold(['verify'])).ended).toBe('0');
  await db.pool.query(
    `update lead set state = jsonb_set(state::jsonb, '{lastAt}', '5')::json where id = (select lead from subject_key where key = 'e:p0@x.jp')`,
  );
  const found = await leadfold(['verify']);
  expect(found.ended).toBe('1');
  inGuide(found.said, /differ|^ {2}lead|^ {4}state/);
  expect(found.said).toMatch(
    /\d+ leads, 1 differ, 0 pending, 0 differences in who is who\n\d+ companies, 0 differ, \d+ pending\n {2}lead \d+ \(e:p0@x\.jp\)\n {4}state\.lastAt: stored 5, events say \d+/,
  );
  const told = await leadfold(['verify', '--json']);
  const report = JSON.parse(told.said.slice(told.said.indexOf('{'))) as { differences: { cells: object[] }[] };
  expect(report.differences[0]!.cells).toEqual([{ cell: 'state.lastAt', stored: 5, refolded: now - 60_000 }]);
  expect((await leadfold(['rebuild'])).said).toContain('1 were other than their events say');
  expect((await leadfold(['verify', '--sample', '10'])).ended).toBe('0');
}, 120_000);
