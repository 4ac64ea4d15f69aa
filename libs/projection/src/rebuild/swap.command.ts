import { setTimeout as sleep } from 'node:timers/promises';
import { fp, sqlStateOf, type Pool, type PoolClient } from '#libs/platform';
import { unseenBatches } from '../batch/refold-slices.projection.js';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import { rulebookLock } from '../rulebook.store.js';
import type { Cut } from './cut.js';
import { followTo } from './follow.projection.js';
import { onOwnSession, readJob } from './job.store.js';
import { derivedTables, dropExchanged, exchange, toShadow } from './shadow.store.js';

/** What is left may be so much that batches hardly notice; more is caught up with beside them first. */
const mostHurried = 2_000;
const longestWaitMs = 2_000;
/** Readers queue behind a waiting exclusive lock, so the wait is short and repeated. */
const longestTableWaitMs = 500;

export interface Swapped {
  /** How long batches waited, ms. */
  heldMs: number;
  /** Events that were taken in while they waited. */
  events: number;
}

export interface SwapOptions {
  rulebook: Rulebook;
  context: ProjectionContext;
  onFollowed(events: number): void;
  onWaiting(reason: string): void;
  stopped(): boolean;
}

/** Catches up beside the batches until little is left, then once more while they wait, and exchanges the tables. */
export async function followAndSwap(pool: Pool, options: SwapOptions): Promise<Swapped | 'stopped' | 'begin-anew'> {
  for (let tries = 0; ; tries += 1) {
    for (let followed = Infinity; followed > mostHurried;) {
      if (options.stopped()) return 'stopped';
      const round = await onShadow(pool, (client) => followRound(pool, client, options));
      if (round === 'begin-anew') return round;
      followed = round;
      options.onFollowed(followed);
    }
    fp('rebuild.before_swap');
    const swapped = await onShadow(pool, (client) => trySwap(pool, client, options));
    if (swapped === 'begin-anew' || typeof swapped !== 'string') return swapped;
    options.onWaiting(swapped);
    await sleep(Math.min(2_000, 100 * 2 ** tries));
  }
}

/** At most so many batches at a time, so that a rebuild far behind holds only so many events. */
const mostBatches = 500;

async function followRound(pool: Pool, client: PoolClient, options: SwapOptions): Promise<number | 'begin-anew'> {
  const job = await readJob(client);
  if (!job?.usable) return 'begin-anew';
  const { after, underWay } = await unseenBatches(pool);
  const until = Math.min(after, job.cut.until + mostBatches);
  const cut: Cut = { until, underWay: underWay.filter((batch) => batch <= until) };
  await client.query('begin');
  try {
    const followed = await followTo(client, job.cut, cut, { ...options, hurried: false });
    await client.query('commit');
    return until < after ? Infinity : followed;
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function trySwap(
  pool: Pool,
  client: PoolClient,
  options: SwapOptions,
): Promise<Swapped | 'begin-anew' | 'batches did not pause' | 'a reader holds the leads' | 'more came than expected'> {
  await client.query(`set lock_timeout = ${longestWaitMs}`);
  try {
    await client.query('select pg_advisory_lock($1)', [rulebookLock]);
  } catch (error) {
    if (isLockTimeout(error)) return 'batches did not pause';
    throw error;
  }
  const startedAt = performance.now();
  try {
    await client.query('begin');
    const job = await readJob(client);
    const { after, underWay } = await unseenBatches(pool);
    const left = await client.query('select 1 from public.batch where id > $1 limit $2', [job?.cut.until, mostBatches]);
    if (left.rowCount === mostBatches) return 'more came than expected';
    const events = await followTo(client, job!.cut, { until: after, underWay }, { ...options, hurried: true });
    await client.query(`set local lock_timeout = ${longestTableWaitMs}`);
    await client.query(
      `lock table ${derivedTables.map((table) => `public.${table}`).join(', ')} in access exclusive mode`,
    );
    // asked only now: who erases somebody either has committed, or finds the new tables
    if (!(await readJob(pool))?.usable) return 'begin-anew';
    await markCompanies(client);
    await exchange(client);
    await client.query('delete from public.rebuild_job');
    await client.query('commit');
    const heldMs = performance.now() - startedAt;
    fp('rebuild.after_swap');
    await client.query('select pg_advisory_unlock($1)', [rulebookLock]);
    await dropExchanged(client);
    return { heldMs, events };
  } catch (error) {
    if (isLockTimeout(error)) return 'a reader holds the leads';
    throw error;
  } finally {
    // the session ends here: what was not committed is gone, and with it the lock
    await client.query('rollback').catch(() => undefined);
  }
}

/** Those of before and of after: what is kept of them is derived from both tables' rows. */
const markCompanies = (client: PoolClient) =>
  client.query(
    `insert into public.account_change (account) select key from public.account
      union select account from rebuild.lead_rank where account is not null`,
  );

const isLockTimeout = (error: unknown): boolean => sqlStateOf(error) === '55P03';

const onShadow = <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  onOwnSession(pool, async (client) => {
    await client.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0');
    await toShadow(client);
    return work(client);
  });
