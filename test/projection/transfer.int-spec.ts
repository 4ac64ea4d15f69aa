import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ensureDefaultRulebook, exportLines, importLines, rebuild, verify } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { projectRoot } from '../../tools/project.js';
import { histories } from '../oracle/histories.js';
import { Projecting } from './projecting.js';
import { publishTestRulebook } from './test-rulebook.js';

/** Real: PostgreSQL, two databases, and the operator's program of the build for the files. */
let here: TestDatabase;
let there: TestDatabase;
let folder: string;
const now = Date.UTC(2030, 0, 1);
beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'leadfold-transfer-'));
  [here, there] = [await createTestDatabase(), await createTestDatabase()];
  await publishTestRulebook(here.pool);
  await here.pool.query(`insert into setting (key, value) values ('time-zone', '"Asia/Tokyo"')`);
  await here.pool.query(`insert into suppression values ('h1', 'a@x.jp', 'unsubscribe', gen_random_uuid(), now())`);
  await here.pool.query(
    `insert into listener values ('crossing', 'hot', 'test'), ('signal', 'viewed-product', 'test')`,
  );
  await there.pool.query(
    `insert into listener values ('crossing', 'hot', 'test'), ('signal', 'viewed-product', 'test')`,
  );
  // what a first start leaves behind
  await ensureDefaultRulebook(there.pool);
  const projecting = new Projecting(here);
  for (const history of fc.sample(histories(40), { seed: 7, numRuns: 4 }))
    for (const batch of history.arrivals) await projecting.apply(batch);
  await projecting.end();
}, 60_000);
afterAll(async () => {
  await Promise.all([here.drop(), there.drop()]);
  fs.rmSync(folder, { recursive: true });
});

const leadfold = (db: TestDatabase, ...args: string[]) =>
  promisify(execFile)(process.execPath, [path.join(projectRoot, 'dist/tools/leadfold.js'), ...args], {
    env: { ...process.env, DATABASE_URL: db.url },
  });

async function hashes(db: TestDatabase): Promise<string[]> {
  const projecting = new Projecting(db);
  const found: string[] = [];
  const report = await verify(projecting.pool, projecting.context, {
    now,
    onLead: (keys, hash) => found.push(`${[...keys].sort().join(' ')} ${hash}`),
  });
  await projecting.end();
  expect(report).toMatchObject({ differences: [], identityDifferences: 0, pending: [] });
  return found.sort();
}

test('what is exported and imported elsewhere gives the same state hashes and memories, and tells nobody', async () => {
  const file = path.join(folder, 'record.jsonl.gz');
  const exported = await leadfold(here, 'export-events', file);
  expect(exported.stdout).toMatch(/^\d+ events, \d+ batches, 1 rulebooks and 1 suppressed addresses are in /);
  const imported = await leadfold(there, 'import-events', file);
  expect(imported.stdout).toMatch(/^\d+ events imported, \d+ leads derived from them; nothing was decided or sent\n$/);

  expect((await hashes(here)).length).toBeGreaterThan(2);
  expect(await hashes(there)).toEqual(await hashes(here));
  const record = async ({ pool }: TestDatabase) =>
    (
      await pool.query(
        `select (select json_agg(e order by id) from event e) as events, (select json_agg(b order by id) from batch b) as batches,
          (select json_agg(r order by version) from rulebook_version r) as rulebooks, (select json_agg(s) from suppression s) as suppressed,
          (select json_agg(jsonb_build_object(s.key, r.memory) order by s.key) from subject_key s join lead l on l.id = s.lead
            join lead r on r.id = coalesce(l.merged_into, l.id) where r.memory->>'revision' is not null and not r.mixed) as memories`,
      )
    ).rows[0] as object;
  expect(await record(there)).toEqual(await record(here));
  const told = await there.pool.query(
    'select 1 from outbox union all select 1 from delivery union all select 1 from run',
  );
  expect(told.rowCount).toBe(0);
  // and the next batch goes on where the record ends
  const projecting = new Projecting(there);
  const [history] = fc.sample(histories(10), { seed: 8, numRuns: 1 });
  for (const batch of history!.arrivals) await projecting.apply(batch);
  await projecting.end();
  await hashes(there);
}, 120_000);

test('an import into an installation that is in use, or of a file that was cut off, changes nothing', async () => {
  const counts = { events: 0, batches: 0, rulebooks: 0, suppressions: 0 };
  const lines: string[] = [];
  for await (const some of exportLines(here.pool, counts)) lines.push(...some.split('\n').filter(Boolean));
  async function* of(list: string[]): AsyncGenerator<string> {
    yield* list;
  }
  await expect(importLines(here.pool, of(lines))).rejects.toMatchObject({ code: 'import-not-empty' });
  const empty = await createTestDatabase();
  try {
    for (const [bad, code] of [
      [lines.slice(0, -1), 'import-incomplete'],
      [lines.slice(1), 'import-unreadable'],
      [[...lines.slice(0, 3), '{"lead":{}}'], 'import-unreadable'],
    ] as const)
      await expect(importLines(empty.pool, of([...bad]))).rejects.toMatchObject({ code });
    expect((await empty.pool.query('select 1 from event union all select 1 from batch')).rowCount).toBe(0);
    await importLines(empty.pool, of(lines));
    const projecting = new Projecting(empty);
    await rebuild(projecting.pool, projecting.context);
    await projecting.end();
    expect(await hashes(empty)).toEqual(await hashes(here));
  } finally {
    await empty.drop();
  }
}, 60_000);
