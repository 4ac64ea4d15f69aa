import { Query, type IQueryHandler, DomainError, type Queryable } from '#libs/platform';
import { listScenarioRows, type ScenarioRow } from './scenario.store.js';

export class ListScenarios extends Query<ScenarioRow[]> {}

export class ListScenariosHandler implements IQueryHandler<ListScenarios> {
  static readonly handles = ListScenarios;

  constructor(private readonly db: Queryable) {}

  execute() {
    return listScenarioRows(this.db);
  }
}

export class ReadScenario extends Query<ScenarioRow> {
  constructor(readonly name: string) {
    super();
  }
}

export class ReadScenarioHandler implements IQueryHandler<ReadScenario> {
  static readonly handles = ReadScenario;

  constructor(private readonly db: Queryable) {}

  async execute({ name }: ReadScenario) {
    const row = (await listScenarioRows(this.db, name))[0];
    if (!row) throw new DomainError('scenario-unknown', 'No such scenario.', { status: 404, path: 'name' });
    return row;
  }
}

/** Why a person got a mail, and why not: the runs, their log, and what became of each delivery. */
export class ReadRunsOfLead extends Query<object[]> {
  constructor(readonly lead: number) {
    super();
  }
}

export class ReadRunsOfLeadHandler implements IQueryHandler<ReadRunsOfLead> {
  static readonly handles = ReadRunsOfLead;

  constructor(private readonly db: Queryable) {}

  async execute({ lead }: ReadRunsOfLead) {
    const result = await this.db.query<object>(
      `select r.id, r.scenario, r.version, r.state, r.exit_reason as "exitReason", r.step, r.due_at as "dueAt",
         r.entered_at as "enteredAt", r.ended_at as "endedAt",
         (select coalesce(jsonb_agg(jsonb_build_object('at', l.at, 'step', l.step, 'effect', l.effect, 'reason', l.reason) order by l.id), '[]')
          from run_log l where l.run = r.id) as log,
         (select coalesce(jsonb_agg(jsonb_build_object('id', d.id, 'step', d.step, 'state', d.state, 'reason', d.reason, 'dueAt', d.due_at, 'endedAt', d.ended_at) order by d.created_at, d.id), '[]')
          from delivery d where d.run = r.id) as deliveries
       from run r join lead own on own.id = r.lead
       where r.lead = $1 or own.merged_into = $1 order by r.entered_at desc, r.id limit 200`,
      [lead],
    );
    return result.rows;
  }
}
