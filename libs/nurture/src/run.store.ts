import { derivedId, type Queryable } from '#libs/platform';
import type { Effect, Run } from './domain/advance.js';

export interface RunRow {
  id: string;
  scenario: string;
  version: number;
  lead: number;
  subjectKey: string;
  run: Run;
  /** An older active run of the same scenario belongs to the same person. */
  olderRun: boolean;
}

export interface NewRun {
  key: string;
  scenario: string;
  version: number;
  lead: number;
  subjectKey: string;
  entryEvent: string;
  run: Run;
  /** Null: a person enters once. */
  againAfterDays: number | null;
}

export const runIdOf = (key: string): string => derivedId('run', key);

/** Enrols, unless the key exists or the person's earlier run forbids it. Two entries of one person take turns. */
export async function createRun(db: Queryable, row: NewRun): Promise<string | undefined> {
  await db.query('select pg_advisory_xact_lock(hashtextextended($1, 7261003))', [`${row.scenario}:${row.lead}`]);
  const created = await db.query(
    `insert into run (id, key, scenario, version, lead, subject_key, entry_event, step, data, entered_at)
     select $1, $2, $3, $4, $5, $6, $7, $8, $9, leadfold_now()
     where not exists (
       select 1 from run r join lead own on own.id = r.lead
       where r.scenario = $3 and coalesce(own.merged_into, own.id) = $5
         and (r.state = 'active' or $10::int is null or r.entered_at > leadfold_now() - $10::int * interval '1 day'))
     on conflict (key) do nothing returning id`,
    [runIdOf(row.key), row.key, row.scenario, row.version, row.lead, row.subjectKey, row.entryEvent, row.run.step, dataOf(row.run), row.againAfterDays],
  );
  return created.rowCount ? runIdOf(row.key) : undefined;
}

/** Locks runs that are active, and by default due; what another worker holds is left to it. */
export async function lockRuns(db: Queryable, ids: string[], evenNotDue = false): Promise<RunRow[]> {
  if (!ids.length) return [];
  const locked = await db.query<Omit<RunRow, 'run' | 'olderRun'> & { step: string; data: { until?: number; seen?: string[] } }>(
    `select id, scenario, version, lead, subject_key as "subjectKey", step, data from run
     where id = any($1::uuid[]) and state = 'active' and ($2 or due_at <= leadfold_now())
     order by id for update skip locked`,
    [ids, evenNotDue],
  );
  if (!locked.rows.length) return [];
  // a statement of its own after the locks, so that it sees what their holders did
  const older = await db.query<{ id: string }>(
    `select r.id from run r join lead own on own.id = r.lead
     where r.id = any($1::uuid[]) and exists (
       select 1 from run o join lead theirs on theirs.id = o.lead
       where o.scenario = r.scenario and o.state = 'active' and (o.entered_at, o.id) < (r.entered_at, r.id)
         and coalesce(theirs.merged_into, theirs.id) = coalesce(own.merged_into, own.id)
         and (o.lead = coalesce(own.merged_into, own.id)
           or o.lead in (select id from lead where merged_into = coalesce(own.merged_into, own.id))))`,
    [locked.rows.map((row) => row.id)],
  );
  const younger = new Set(older.rows.map((row) => row.id));
  return locked.rows.map(({ step, data, ...row }) => ({
    ...row,
    olderRun: younger.has(row.id),
    run: { state: 'active', step, seen: data.seen ?? [], ...(data.until === undefined ? {} : { until: data.until }) },
  }));
}

/** The run as it is now, and why: `effects` go to the log that answers "why" and "why not". */
export async function saveRun(db: Queryable, id: string, run: Run, effects: readonly Effect[], now: Date): Promise<void> {
  await db.query(
    `with logged as (
       insert into run_log (run, at, step, effect, reason, data)
       select $1, $7, e.step, e.effect, e.reason, e.data
       from jsonb_to_recordset($8::jsonb) as e(step text, effect text, reason text, data jsonb))
     update run set state = $2, exit_reason = $3, step = $4, data = $5, due_at = $6, enqueued_at = null,
       ended_at = case when $2 <> 'active' then $7::timestamptz end
     where id = $1`,
    [id, run.state, run.exitReason ?? null, run.step, dataOf(run), run.until === undefined ? null : new Date(run.until), now, JSON.stringify(effects.map(logged))],
  );
}

function logged(effect: Effect): object {
  const { kind, step, ...rest } = effect;
  const { reason, ...data } = rest as { reason?: string };
  return { step, effect: kind, reason: reason ?? null, data };
}

const dataOf = (run: Run): string => JSON.stringify({ seen: run.seen, ...(run.until === undefined ? {} : { until: run.until }) });

/** Runs of these people that should look again now; `signal` is kept with them. */
export async function wakeRuns(db: Queryable, leads: number[], signal?: string): Promise<string[]> {
  const woken = await db.query<{ id: string }>(
    `update run set due_at = leadfold_now(), enqueued_at = null,
       data = case when $2::text is null or data -> 'seen' ? $2 then data
         else jsonb_set(data, '{seen}', coalesce(data -> 'seen', '[]') || to_jsonb($2::text)) end
     where id in (
       select r.id from run r join lead own on own.id = r.lead
       where r.state = 'active' and (r.lead = any($1::bigint[]) or own.merged_into = any($1::bigint[]))
       order by r.id for update of r)
     returning id`,
    [leads, signal ?? null],
  );
  return woken.rows.map((row) => row.id);
}

/** The net below the timer: due runs that were not enqueued lately. */
export async function takeDueRuns(db: Queryable, limit: number): Promise<string[]> {
  const due = await db.query<{ id: string }>(
    `update run set enqueued_at = clock_timestamp() where id in (
       select id from run where state = 'active' and due_at <= leadfold_now()
         and (enqueued_at is null or enqueued_at < clock_timestamp() - interval '30 seconds')
       order by due_at limit $1 for update skip locked)
     returning id`,
    [limit],
  );
  return due.rows.map((row) => row.id);
}
