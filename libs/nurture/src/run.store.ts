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

// never a bare "state = 'active'" beside ids or leads: a plan made while the table was empty would read the index of all due runs
const active = (run: string): string => `${run}.state || '' = 'active'`;

/** A root and the leads merged into it, as an array made once: an `or` over two tables would read every run. */
const membersOf = (roots: string): string =>
  `array(select unnest(${roots}) union all select l.id from lead l where l.merged_into = any(${roots}))`;

/** Enrols, unless the key exists or the person's earlier run forbids it. Two entries of one person take turns. */
export async function createRun(db: Queryable, row: NewRun): Promise<string | undefined> {
  await db.query('select pg_advisory_xact_lock(hashtextextended($1, 7261003))', [`${row.scenario}:${row.lead}`]);
  const created = await db.query(
    `insert into run (id, key, scenario, version, lead, subject_key, entry_event, step, data, entered_at)
     select $1, $2, $3, $4, $5, $6, $7, $8, $9, leadfold_now()
     where not exists (
       select 1 from run r
       where r.scenario = $3 and r.lead = any(${membersOf('array[$5::bigint]')})
         and (r.state = 'active' or $10::int is null or r.entered_at > leadfold_now() - $10::int * interval '1 day'))
     on conflict (key) do nothing returning id`,
    [
      runIdOf(row.key),
      row.key,
      row.scenario,
      row.version,
      row.lead,
      row.subjectKey,
      row.entryEvent,
      row.run.step,
      dataOf(row.run),
      row.againAfterDays,
    ],
  );
  return created.rowCount ? runIdOf(row.key) : undefined;
}

/** Locks runs that are active, and by default due; what another worker holds is left to it. */
export async function lockRuns(db: Queryable, ids: string[], evenNotDue = false): Promise<RunRow[]> {
  if (!ids.length) return [];
  const locked = await db.query<
    Omit<RunRow, 'run' | 'olderRun'> & { step: string; data: { until?: number; seen?: string[] } }
  >(
    `select id, scenario, version, lead, subject_key as "subjectKey", step, data from run
     where id = any($1::uuid[]) and ${active('run')} and ($2 or due_at <= leadfold_now())
     order by id for update skip locked`,
    [ids, evenNotDue],
  );
  if (!locked.rows.length) return [];
  // a statement of its own after the locks, so that it sees what their holders did
  const older = await db.query<{ id: string }>(
    // by steps, so that the planner cannot take all active runs of everybody for few
    `with mine as materialized (
       select r.id, r.scenario, r.entered_at, coalesce(own.merged_into, own.id) as root
       from run r join lead own on own.id = r.lead where r.id = any($1::uuid[])
     ), member as materialized (
       select root, root as lead from mine union select mine.root, m.id from mine join lead m on m.merged_into = mine.root
     ), theirs as materialized (
       select member.root, o.id, o.scenario, o.entered_at, o.state from member join run o on o.lead = member.lead
     )
     select distinct mine.id from mine join theirs using (root, scenario)
     where theirs.state = 'active' and (theirs.entered_at, theirs.id) < (mine.entered_at, mine.id)`,
    [locked.rows.map((row) => row.id)],
  );
  const younger = new Set(older.rows.map((row) => row.id));
  return locked.rows.map(({ step, data, ...row }) => ({
    ...row,
    olderRun: younger.has(row.id),
    run: { state: 'active', step, seen: data.seen ?? [], ...(data.until === undefined ? {} : { until: data.until }) },
  }));
}

export interface MergingRun {
  run: string;
  scenario: string;
  lead: number;
  reason: 'merged';
}

/** If each of these groups of leads became one: the younger of two runs of one scenario would exit. */
export async function runsThatWouldMerge(db: Queryable, groups: readonly number[][]): Promise<MergingRun[]> {
  const exits: MergingRun[] = [];
  for (const roots of groups) {
    const { rows } = await db.query<MergingRun>(
      `select id as run, scenario, lead, 'merged' as reason from (
         select r.id, r.scenario, r.lead, row_number() over (partition by r.scenario order by r.entered_at, r.id) as nth
         from run r where r.lead = any(${membersOf('$1::bigint[]')}) and ${active('r')}) as mine
       where nth > 1 order by scenario, id`,
      [roots],
    );
    exits.push(...rows);
  }
  return exits;
}

/** A run that cannot be judged now (its condition names what the rulebook lost): left as it was, looked at again later. */
export interface Rest {
  kind: 'rest';
  step: string;
  reason: string;
  error: string;
}

/** One step of one run: `effects` go to the log that answers "why" and "why not". */
export interface StepOfRun {
  id: string;
  run: Run;
  effects: readonly (Effect | Rest)[];
  /** Its next look after an error. */
  restUntil?: Date;
}

/** Runs as they are now, and why, in one statement for all. */
export async function saveRuns(db: Queryable, steps: readonly StepOfRun[], now: Date): Promise<void> {
  if (!steps.length) return;
  await db.query(
    `with logged as (
       insert into run_log (run, at, step, effect, reason, data)
       select e.run, $1, e.step, e.effect, e.reason, e.data
       from rows from (jsonb_to_recordset($8::jsonb) as (run uuid, step text, effect text, reason text, data jsonb))
         with ordinality as e (run, step, effect, reason, data, nr) order by e.nr)
     update run r set state = s.state, exit_reason = s.reason, step = s.step, data = s.data::jsonb, due_at = s.due_at,
       enqueued_at = null, ended_at = case when s.state <> 'active' then $1::timestamptz end
     from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]) as s (id, state, reason, step, data, due_at)
     where r.id = s.id`,
    [
      now,
      steps.map((s) => s.id),
      steps.map((s) => s.run.state),
      steps.map((s) => s.run.exitReason ?? null),
      steps.map((s) => s.run.step),
      steps.map((s) => dataOf(s.run)),
      steps.map(dueOf),
      JSON.stringify(steps.flatMap((s) => s.effects.map((effect) => ({ run: s.id, ...logged(effect) })))),
    ],
  );
}

const dueOf = ({ run, restUntil }: StepOfRun): Date | null =>
  restUntil ?? (run.until === undefined ? null : new Date(run.until));

function logged(effect: Effect | Rest): object {
  const { kind, step, ...rest } = effect;
  const { reason, ...data } = rest as { reason?: string };
  return { step, effect: kind, reason: reason ?? null, data };
}

const dataOf = (run: Run): string =>
  JSON.stringify({ seen: run.seen, ...(run.until === undefined ? {} : { until: run.until }) });

/** Active runs of one person that an event other than their own entry may wake. */
export async function runsToWake(
  db: Queryable,
  lead: number,
  event: string,
): Promise<{ id: string; scenario: string; version: number }[]> {
  const runs = await db.query<{ id: string; scenario: string; version: number }>(
    `select r.id, r.scenario, r.version from run r
     where ${active('r')} and r.entry_event <> $2 and r.lead = any(${membersOf('array[$1::bigint]')}) order by r.id`,
    [lead, event],
  );
  return runs.rows;
}

/** Runs of these people that should look again now; `signal` is kept with them. */
export const wakeRuns = (db: Queryable, leads: number[], signal?: string): Promise<string[]> =>
  wake(db, '$1::bigint[]', leads, signal);

/** The same by subject keys. */
export const wakeRunsOf = (db: Queryable, subjectKeys: string[]): Promise<string[]> =>
  wake(
    db,
    `array(select coalesce(own.merged_into, own.id) from subject_key k join lead own on own.id = k.lead where k.key = any($1::text[]))`,
    subjectKeys,
  );

/** A version of a scenario, and so what its runs wait for. */
export interface ScenarioVersion {
  scenario: string;
  version: number;
}

const peopleOf = '(array(select k.lead from lead_rank k where k.account = any($1::text[])))';

/** What the runs under way of these companies' people are runs of. */
export async function underWayAt(db: Queryable, accounts: string[]): Promise<ScenarioVersion[]> {
  const found = await db.query<ScenarioVersion>(
    `select distinct r.scenario, r.version from run r where ${active('r')} and r.lead = any(${membersOf(peopleOf)})`,
    [accounts],
  );
  return found.rows;
}

/** Those of these versions look again: due now, in order of id. */
export async function wakeRunsAt(db: Queryable, accounts: string[], of: ScenarioVersion[]): Promise<string[]> {
  const woken = await db.query<{ id: string }>(
    `update run set due_at = leadfold_now(), enqueued_at = null
     where id in (
       select r.id from run r where ${active('r')} and r.lead = any(${membersOf(peopleOf)})
         and (r.scenario, r.version) in (select * from unnest($2::text[], $3::int[]))
       order by r.id for update)
     returning id`,
    [accounts, of.map(({ scenario }) => scenario), of.map(({ version }) => version)],
  );
  return woken.rows.map((row) => row.id).sort();
}

async function wake(db: Queryable, roots: string, of: (number | string)[], signal?: string): Promise<string[]> {
  const woken = await db.query<{ id: string }>(
    `update run set due_at = leadfold_now(), enqueued_at = null,
       data = case when $2::text is null or data -> 'seen' ? $2 then data
         else jsonb_set(data, '{seen}', coalesce(data -> 'seen', '[]') || to_jsonb($2::text)) end
     where id in (
       select r.id from run r where ${active('r')} and r.lead = any(${membersOf(`(${roots})`)})
       order by r.id for update)
     returning id`,
    [of, signal ?? null],
  );
  return woken.rows.map((row) => row.id);
}

/** The database refused what this run would write: it rests, the others of its group go on. */
export async function restRun(db: Queryable, id: string, reason: string, restMs: number): Promise<void> {
  await db.query(
    `with resting as (
       update run set due_at = leadfold_now() + $3 * interval '1 ms', enqueued_at = null
       where id = $1 and ${active('run')} returning id, step)
     insert into run_log (run, at, step, effect, reason) select id, leadfold_now(), step, 'rest', $2 from resting`,
    [id, reason, restMs],
  );
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
