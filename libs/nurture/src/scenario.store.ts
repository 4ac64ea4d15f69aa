import { canonicalJson } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { awaitedConditions, awaitedSignals, parseScenario, type Scenario } from './domain/scenario.js';

export interface ScenarioRow {
  name: string;
  activeVersion: number | null;
  paused: boolean;
  latestVersion: number;
  document: Scenario;
}

export interface ActiveScenario {
  version: number;
  scenario: Scenario;
}

export async function listScenarioRows(db: Queryable, name?: string): Promise<ScenarioRow[]> {
  const result = await db.query<ScenarioRow>(
    `select s.name, s.active_version as "activeVersion", s.paused, v.version as "latestVersion", v.document
     from scenario s join lateral (
       select version, document from scenario_version where name = s.name order by version desc limit 1) v on true
     where $1::text is null or s.name = $1 order by s.name`,
    [name ?? null],
  );
  return result.rows;
}

/** Versions are immutable: read once. */
export class ScenarioVersions {
  private readonly known = new Map<string, Scenario>();

  async read(db: Queryable, name: string, version: number): Promise<Scenario> {
    const key = `${name}:${version}`;
    const known = this.known.get(key);
    if (known) return known;
    const result = await db.query<{ document: unknown }>(
      'select document from scenario_version where name = $1 and version = $2',
      [name, version],
    );
    const scenario = parseScenario(result.rows[0]?.document);
    this.known.set(key, scenario);
    return scenario;
  }
}

export async function readActiveScenarios(db: Queryable, versions: ScenarioVersions): Promise<ActiveScenario[]> {
  const result = await db.query<{ name: string; version: number }>(
    'select name, active_version as version from scenario where not paused and active_version is not null order by name',
  );
  const active: ActiveScenario[] = [];
  for (const { name, version } of result.rows)
    active.push({ version, scenario: await versions.read(db, name, version) });
  return active;
}

/**
 * What the projection must tell of: in the transaction that activates or pauses. Runs under way go on after a pause, and
 * what their exits watch is still told of.
 */
export async function setListeners(
  db: Queryable,
  name: string,
  scenario: Scenario | undefined,
  entering = true,
): Promise<void> {
  const wantedBy = `scenario:${name}`;
  await db.query('delete from listener where wanted_by = $1', [wantedBy]);
  if (!scenario) return;
  const { entry } = scenario;
  // runs keep the version that they entered, and wait for what it waits for
  const watching = [scenario, ...(await versionsUnderWay(db, name))];
  const wanted = [
    ...(entering ? ['signal' in entry ? ['signal', entry.signal] : ['segment', entry.segment]] : []),
    ...watching.flatMap((one) => [
      ...awaitedSignals(one).map((signal) => ['signal', signal]),
      ...awaitedConditions(one).map((condition) => ['condition', canonicalJson(condition)]),
      ...(one.exits.some((exit) => 'hot' in exit) ? [['crossing', 'hot']] : []),
    ]),
  ];
  await db.query(
    'insert into listener (kind, name, wanted_by) select kind, name, $3 from unnest($1::text[], $2::text[]) as l(kind, name) on conflict do nothing',
    [wanted.map(([kind]) => kind), wanted.map(([, name]) => name), wantedBy],
  );
}

async function versionsUnderWay(db: Queryable, name: string): Promise<Scenario[]> {
  const found = await db.query<{ document: unknown }>(
    `select v.document from scenario_version v where v.name = $1
       and exists (select 1 from run r where r.scenario = v.name and r.version = v.version and r.state = 'active')`,
    [name],
  );
  return found.rows.map((row) => parseScenario(row.document));
}
