import { advisoryLocks, DomainError, type Pool, type PoolClient, type Queryable } from '#libs/platform';
import type { Cut } from './cut.js';

export type RebuildPhase = 'fold' | 'merge' | 'follow';

/** The one unfinished rebuild. */
export interface RebuildJob {
  startedAt: Date;
  startedBy: string;
  phase: RebuildPhase;
  rulebook: number;
  cut: Cut;
  pages: number;
  parts: number;
  relinked: number;
  /** The tables lie where they lay, nobody was erased meanwhile, and the database did not crash. */
  usable: boolean;
}

type Row = Omit<RebuildJob, 'cut'> & { until: number; underWay: string };

export async function readJob(db: Queryable): Promise<RebuildJob | undefined> {
  const { rows } = await db.query<Row>(
    `select started_at as "startedAt", started_by as "startedBy", phase, rulebook, until_batch as until, under_way::text as "underWay",
        pages, parts, relinked, not begin_anew and not exists (select 1 from public.erasure where not pg_visible_in_snapshot(forgotten_in, snapshot))
          and event_file = pg_relation_filenode('public.event') and to_regclass('rebuild.part') is not null as usable
      from public.rebuild_job`,
  );
  const row = rows[0];
  if (!row) return undefined;
  const { until, underWay, ...job } = row;
  return { ...job, cut: { until, underWay: underWay.slice(1, -1).split(',').filter(Boolean).map(Number) } };
}

export async function writeJob(client: PoolClient, job: Omit<RebuildJob, 'startedAt' | 'usable'>): Promise<void> {
  await client.query(
    `insert into public.rebuild_job (started_at, started_by, phase, rulebook, until_batch, under_way, event_file, pages, parts, relinked)
      values (clock_timestamp(), $1, $2, $3, $4, $5, pg_relation_filenode('public.event'), $6, $7, $8)`,
    [job.startedBy, job.phase, job.rulebook, job.cut.until, job.cut.underWay, job.pages, job.parts, job.relinked],
  );
}

export const setPhase = (db: Queryable, phase: RebuildPhase) =>
  db.query('update public.rebuild_job set phase = $1', [phase]);

export const setCut = (db: Queryable, cut: Cut) =>
  db.query('update public.rebuild_job set until_batch = $1, under_way = $2', [cut.until, cut.underWay]);

/** One at a time. The session holds the lock, so a killed process holds nothing. */
export const holdingRebuild = <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  onOwnSession(pool, async (client) => {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
      advisoryLocks.rebuild,
    ]);
    if (!rows[0]!.taken) throw runningAlready(await rebuildHolder(client));
    try {
      return await work(client);
    } finally {
      await client.query('select pg_advisory_unlock($1)', [advisoryLocks.rebuild]).catch(() => undefined);
    }
  });

const runningAlready = (holder: { pid: number; since: Date } | undefined): DomainError =>
  new DomainError(
    'rebuild-running',
    `A rebuild is running already${holder ? ` (PostgreSQL session ${holder.pid}, since ${holder.since.toISOString()})` : ''}. See: leadfold rebuild --status`,
    { status: 409 },
  );

export async function rebuildHolder(db: Queryable): Promise<{ pid: number; since: Date } | undefined> {
  const { rows } = await db.query<{ pid: number; since: Date }>(
    `select l.pid, a.backend_start as since from pg_locks l join pg_stat_activity a on a.pid = l.pid
      where l.locktype = 'advisory' and l.granted and l.database = (select oid from pg_database where datname = current_database())
        and l.objid = $1 and l.objsubid = 1`,
    [advisoryLocks.rebuild],
  );
  return rows[0];
}

/** A session of a pool's that is changed by settings and locks ends with its work. */
export async function onOwnSession<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  const onLost = () => undefined;
  client.on('error', onLost);
  try {
    return await work(client);
  } finally {
    client.off('error', onLost);
    client.release(true);
  }
}
