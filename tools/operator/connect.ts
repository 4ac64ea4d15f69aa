import { createPool, type Pool } from '#libs/platform';
import { postgresUrl } from '../services/postgres.js';
import { readRecord, serviceSet } from '../services/service-set.js';
import { ServiceError } from '../services/progress-lines.js';

/** DATABASE_URL, else the database of the local start. */
export function databaseUrl(): string {
  const given = process.env['DATABASE_URL'];
  if (given) return given;
  const record = readRecord(serviceSet('dev'), 'postgres');
  if (!record?.password)
    throw new ServiceError('No database is named.', 'Set DATABASE_URL, or start a local one: npm run services -- up');
  return postgresUrl(record);
}

/** The person at the terminal, as the audit log names him. */
export const operator = () => `operator:${process.env['SUDO_USER'] ?? process.env['USER'] ?? 'unknown'}`;

export async function withPool<T>(work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = createPool(
    { url: databaseUrl(), applicationName: 'leadfold-cli', statementTimeoutMs: 0, idleInTransactionTimeoutMs: 0 },
    () => undefined,
  );
  try {
    return await work(pool);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ECONNREFUSED') throw error;
    throw new ServiceError('The database does not answer.', 'Start it: npm run services -- up (or check DATABASE_URL)');
  } finally {
    await pool.end();
  }
}
