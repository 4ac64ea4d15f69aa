import 'reflect-metadata';
import type { MixedList } from 'typeorm';
import { refuseDrivenClock } from './clock.js';
import type { Queryable } from './database.js';
import { DomainError } from './domain/index.js';
import { advisoryLocks } from './locks.js';

/**
 * Brings the schema up to date, one process at a time (advisory lock). Returns the names of the migrations that ran.
 * The list comes from outside, because only start-up code may know `database/migrations`.
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- the type TypeORM asks for
export async function migrate(url: string, migrations: MixedList<Function>): Promise<string[]> {
  // every process imports this file, and only `leadfold migrate` runs migrations
  const { DataSource } = await import('typeorm');
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

type MigrationClass = new () => { name: string };

/** Refuses a start on a database that is not as this code needs it: migrations missing, or a clock that a test drives. */
export async function refuseUnprepared(
  db: Queryable,
  needs: { migrations: MigrationClass[]; drivenClock: boolean },
): Promise<void> {
  const missing = await missingMigrations(db, needs.migrations);
  if (missing.length)
    throw new DomainError('migrations-missing', `the database lacks ${missing.join(', ')}: run leadfold migrate`);
  await refuseDrivenClock(db, needs.drivenClock);
}

/** Names of migrations this code knows and the database lacks. */
export async function missingMigrations(db: Queryable, known: MigrationClass[]): Promise<string[]> {
  const applied = await db.query<{ name: string }>('select name from migrations').then(
    (result) => new Set(result.rows.map((row) => row.name)),
    (error: { code?: string }) => {
      if (error.code === '42P01') return new Set<string>();
      throw error;
    },
  );
  return known.map((migration) => new migration().name).filter((name) => !applied.has(name));
}
