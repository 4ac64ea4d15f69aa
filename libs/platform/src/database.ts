import pg from 'pg';
import { sqlStateOf } from './domain/index.js';
import { StatementPipeline } from './statement-pipeline.js';

/** What SQL is run on: a pool or a client inside a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>;
export type Pool = pg.Pool;
export type PoolClient = pg.PoolClient;

export interface PoolOptions {
  url: string;
  applicationName: string;
  max?: number;
  /** Bounds a statement on the server; row-lock waits are bounded by this, not by lock_timeout. */
  statementTimeoutMs?: number;
  /** A process stopped in mid-transaction loses its locks after this. */
  idleInTransactionTimeoutMs?: number;
  /** Statements issued without waiting travel together: one round trip for those that do not need each other's answer. */
  pipelined?: boolean;
}

// bigint ids and counters stay below 2^53: as numbers they compare and serialise without surprise
const typeOverrides = new pg.TypeOverrides();
typeOverrides.setTypeParser(20, (text) => Number(text));

/** One pool per process and purpose. Errors of idle clients are reported, the pool replaces the client. */
export function createPool(options: PoolOptions, onError: (error: Error) => void): Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.max ?? 4,
    types: typeOverrides,
    connectionTimeoutMillis: 5_000,
    // longer than the pauses between looks that are made anyway: a new connection is a process, a handshake and plans to be made
    idleTimeoutMillis: 300_000,
    keepAlive: true,
    statement_timeout: options.statementTimeoutMs ?? 30_000,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? 15_000,
    ...(options.pipelined ? { pipeline: true } : {}),
  });
  pool.on('error', onError);
  return pool;
}

/** Runs `work` in one READ COMMITTED transaction; a failed rollback discards the connection. */
export const inTransaction = <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  transacted(pool, async (client) => {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  });

/**
 * A transaction in few round trips, on a pipelined pool: `begin` travels with what `read` asks, `commit` with what the last
 * step writes. Nothing may be written in `read`: only when it has answered is it sure that the transaction began. Where the
 * last write fails, the commit behind it rolls back.
 */
export const inShortTransaction = <R, T>(
  pool: Pool,
  read: (client: PoolClient) => Promise<R>,
  work: (client: PoolClient, found: R) => Promise<() => Promise<T>>,
): Promise<T> =>
  transacted(pool, async (client) => {
    const [, found] = await Promise.all([client.query('begin'), read(client)]);
    const write = await work(client, found);
    const [result] = await Promise.all([write(), client.query('commit')]);
    return result;
  });

const begin = { name: 'leadfold-begin', text: 'begin' };
const commit = { name: 'leadfold-commit', text: 'commit' };

/** The same with statements that travel together wherever `work` asks for several without waiting in between. */
export const inPipelinedTransaction = <T>(pool: Pool, work: (db: StatementPipeline) => Promise<T>): Promise<T> =>
  transacted(pool, async (client) => {
    const pipeline = new StatementPipeline(client);
    try {
      pipeline.later(pipeline.query(begin));
      const result = await work(pipeline);
      await pipeline.settled();
      const { command } = await pipeline.query(commit);
      // the server answers otherwise, and without an error, when a statement has failed and its failure was passed over
      if (command !== 'COMMIT') throw pipeline.failure ?? new Error('the transaction was rolled back');
      return result;
    } catch (error) {
      pipeline.abandon(error as Error);
      // who asks after a failure is told no more than that there was one
      throw (sqlStateOf(error) === inFailedTransaction && pipeline.failure) || error;
    }
  });

const inFailedTransaction = '25P02';

async function transacted<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // without a listener a connection that dies between two statements ends the process
  const onLost = (error: Error) => (broken = error);
  client.on('error', onLost);
  try {
    return await work(client);
  } catch (error) {
    await client.query('rollback').catch((rollbackError: Error) => (broken = rollbackError));
    throw error;
  } finally {
    client.off('error', onLost);
    client.release(broken);
  }
}
