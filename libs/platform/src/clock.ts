import { DomainError } from './domain/index.js';
import type { Queryable } from './database.js';

/**
 * The one clock is the database's: SQL asks `leadfold_now()`, code asks here. A story test drives it for every process
 * at once by writing the `driven_clock` row of its own database.
 */
export async function databaseNow(db: Queryable): Promise<Date> {
  const result = await db.query<{ now: Date }>('select leadfold_now() as now');
  return result.rows[0]!.now;
}

/** Called at start by every process: a driven clock in production would silently stop time. */
export async function refuseDrivenClock(db: Queryable, allowed: boolean): Promise<void> {
  if (allowed) return;
  const driven = await db.query('select 1 from driven_clock');
  if (driven.rowCount) {
    throw new DomainError(
      'clock-driven',
      'This database has a driven clock. Delete the row of driven_clock, or set ALLOW_DRIVEN_CLOCK=true in a test.',
    );
  }
}

/** Story tests: sets the time of every process on this database; `null` lets the real clock run again. */
export async function driveClock(db: Queryable, now: Date | null): Promise<void> {
  // one statement: between two, every process would see the real time for a moment and act on it
  if (now)
    await db.query('insert into driven_clock (at) values ($1) on conflict (one) do update set at = excluded.at', [now]);
  else await db.query('delete from driven_clock');
}
