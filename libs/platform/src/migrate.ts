import 'reflect-metadata';
import { DataSource, type MixedList } from 'typeorm';
import { advisoryLocks } from './locks.js';

/**
 * Brings the schema up to date, one process at a time (advisory lock). Returns the names of the migrations that ran.
 * The list comes from outside, because only start-up code may know `database/migrations`.
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- the type TypeORM asks for
export async function migrate(url: string, migrations: MixedList<Function>): Promise<string[]> {
  const source = new DataSource({
    type: 'postgres',
    url,
    migrations,
    migrationsTransactionMode: 'each',
    installExtensions: false,
    applicationName: 'leadfold-migrate',
    extra: { max: 2 },
  });
  await source.initialize();
  const runner = source.createQueryRunner();
  try {
    await runner.query('select pg_advisory_lock($1)', [advisoryLocks.migrations]);
    const ran = await source.runMigrations();
    await runner.query('select pg_advisory_unlock($1)', [advisoryLocks.migrations]);
    return ran.map((migration) => migration.name);
  } finally {
    await runner.release();
    await source.destroy();
  }
}

/** Names of migrations this code knows and the database lacks: a process refuses to start while there are any. */
export async function missingMigrations(
  db: { query(sql: string): Promise<{ rows: { name: string }[] }> },
  known: { name: string }[],
): Promise<string[]> {
  const applied = await db.query('select name from migrations').then(
    (result) => new Set(result.rows.map((row) => row.name)),
    (error: { code?: string }) => {
      if (error.code === '42P01') return new Set<string>();
      throw error;
    },
  );
  return known.map((migration) => migration.name).filter((name) => !applied.has(name));
}
