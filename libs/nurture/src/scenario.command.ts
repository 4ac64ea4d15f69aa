import { Command, type ICommandHandler, audit, DomainError, inTransaction, type Pool } from '#libs/platform';
import { readVocabulary } from './condition-judge.js';
import { checkScenario } from './domain/check-scenario.js';
import { parseScenario, refused, type Scenario } from './domain/scenario.js';
import { listScenarioRows, setListeners, type ScenarioRow } from './scenario.store.js';

/** Saves a new immutable version; nothing changes for anybody until it is activated. */
export class SaveScenarioVersion extends Command<{ name: string; version: number }> {
  constructor(
    /** YAML or JSON text, or the document itself. */
    readonly document: unknown,
    readonly actor: string,
  ) {
    super();
  }
}

export class SaveScenarioVersionHandler implements ICommandHandler<SaveScenarioVersion> {
  static readonly handles = SaveScenarioVersion;

  constructor(private readonly pool: Pool) {}

  async execute({ document, actor }: SaveScenarioVersion) {
    const scenario = parseScenario(document);
    return inTransaction(this.pool, async (client) => {
      const errors = checkScenario(scenario, await readVocabulary(client));
      if (errors.length) throw refused(errors);
      await client.query('insert into scenario (name, changed_at) values ($1, leadfold_now()) on conflict do nothing', [
        scenario.name,
      ]);
      await client.query('select 1 from scenario where name = $1 for update', [scenario.name]);
      const saved = await client.query<{ version: number }>(
        `insert into scenario_version (name, version, document, created_by, created_at)
         select $1, coalesce(max(version), 0) + 1, $2, $3, leadfold_now() from scenario_version where name = $1 returning version`,
        [scenario.name, JSON.stringify(scenario), actor],
      );
      const { version } = saved.rows[0]!;
      await audit(client, { actor, action: 'scenario.save', target: scenario.name, details: { version } });
      return { name: scenario.name, version };
    });
  }
}

/** From now on people enter this version; runs under way keep theirs. */
export class ActivateScenario extends Command<ScenarioRow> {
  constructor(
    readonly name: string,
    /** Default: the latest. */
    readonly version: number | undefined,
    readonly actor: string,
  ) {
    super();
  }
}

export class ActivateScenarioHandler implements ICommandHandler<ActivateScenario> {
  static readonly handles = ActivateScenario;

  constructor(private readonly pool: Pool) {}

  async execute({ name, version, actor }: ActivateScenario) {
    return inTransaction(this.pool, async (client) => {
      const found = await client.query<{ version: number; document: Scenario }>(
        `select v.version, v.document from scenario s join scenario_version v using (name)
         where s.name = $1 and ($2::int is null or v.version = $2) order by v.version desc limit 1 for update of s`,
        [name, version ?? null],
      );
      const row = found.rows[0];
      if (!row)
        throw new DomainError('scenario-unknown', 'No such scenario or version.', { status: 404, path: 'name' });
      const scenario = parseScenario(row.document);
      // signals and templates may have gone since it was saved
      const errors = checkScenario(scenario, await readVocabulary(client));
      if (errors.length) throw refused(errors);
      await client.query(
        'update scenario set active_version = $2, paused = false, changed_at = leadfold_now() where name = $1',
        [name, row.version],
      );
      await setListeners(client, name, scenario);
      await audit(client, { actor, action: 'scenario.activate', target: name, details: { version: row.version } });
      return (await listScenarioRows(client, name))[0]!;
    });
  }
}

/** Nobody enters any more; runs under way go on. */
export class PauseScenario extends Command<ScenarioRow> {
  constructor(
    readonly name: string,
    readonly actor: string,
  ) {
    super();
  }
}

export class PauseScenarioHandler implements ICommandHandler<PauseScenario> {
  static readonly handles = PauseScenario;

  constructor(private readonly pool: Pool) {}

  async execute({ name, actor }: PauseScenario) {
    return inTransaction(this.pool, async (client) => {
      const paused = await client.query(
        'update scenario set paused = true, changed_at = leadfold_now() where name = $1',
        [name],
      );
      if (!paused.rowCount)
        throw new DomainError('scenario-unknown', 'No such scenario.', { status: 404, path: 'name' });
      // runs under way still watch their exits: the entry alone is not told of any more
      const active = await client.query<{ document: unknown }>(
        'select v.document from scenario s join scenario_version v on v.name = s.name and v.version = s.active_version where s.name = $1',
        [name],
      );
      await setListeners(client, name, active.rows[0] && parseScenario(active.rows[0].document), false);
      await audit(client, { actor, action: 'scenario.pause', target: name });
      return (await listScenarioRows(client, name))[0]!;
    });
  }
}
