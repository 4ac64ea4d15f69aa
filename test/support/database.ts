import { createHash } from 'node:crypto';
import fs from 'node:fs';
import pg from 'pg';
import { migrations } from '#migrations';
import { advisoryLocks, createPool, migrate, newId, type Pool } from '#libs/platform';

/** The server that tests make their databases on; `npm test` starts one and sets it. */
export function testServerUrl(): string {
  const url = process.env['TEST_DATABASE_URL'] ?? process.env['DATABASE_URL'];
  if (!url) throw new Error('No PostgreSQL for this test: run it through `npm test`, or set TEST_DATABASE_URL.');
  return url;
}

export interface TestDatabase {
  url: string;
  pool: Pool;
  drop(): Promise<void>;
}

/** A migrated database of this test file's own, cloned from a template; `drop()` leaves nothing behind. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const template = await ensureTemplate();
  const name = `lf_test_${newId().replaceAll('-', '')}`;
  await onServer((client) => client.query(`create database ${name} template ${template}`));
  const url = databaseUrl(name);
  const pool = createPool({ url, applicationName: 'leadfold-test', max: 8 }, () => undefined);
  return {
    url,
    pool,
    drop: async () => {
      await pool.end();
      await onServer((client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

/** One template per state of the migrations; the advisory lock lets parallel test files make it once. */
async function ensureTemplate(): Promise<string> {
  const fingerprint = createHash('sha256');
  const folder = new URL('../../database/migrations/', import.meta.url);
  for (const file of fs.readdirSync(folder).sort()) fingerprint.update(fs.readFileSync(new URL(file, folder)));
  const name = `lf_template_${fingerprint.digest('hex').slice(0, 16)}`;
  await onServer(async (client) => {
    await client.query('select pg_advisory_lock($1)', [advisoryLocks.testTemplate]);
    const found = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (found.rowCount) return;
    const building = `${name}_building`;
    await client.query(`drop database if exists ${building} with (force)`);
    await client.query(`create database ${building}`);
    await migrate(databaseUrl(building), migrations);
    await client.query(`alter database ${building} rename to ${name}`);
  });
  return name;
}

function databaseUrl(name: string): string {
  const url = new URL(testServerUrl());
  url.pathname = `/${name}`;
  return url.href;
}

async function onServer<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: testServerUrl() });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
