import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { LeadMemory, LeadState, Locale } from '#libs/leads/domain';
import { databaseNow, inTransaction, type Pool, type PoolClient } from '#libs/platform';
import {
  compileRulebook,
  liveRulebook,
  type CompiledRulebook,
  type ProjectionContext,
  type RulebookDocument,
} from '#libs/projection';
import { EffectCount, rulebookChanges, type RulebookChange, type RulebookEffect } from './domain/index.js';

export interface RulebookComparison {
  live: number;
  changes: RulebookChange[];
  effect: RulebookEffect;
  /** Signals that the draft counts anew: their history is read once it is published, so the effect leaves them out. */
  uncounted: string[];
  asOf: number;
  tookMs: number;
}

/** A draft against the live rulebook, in words and in effect; nothing is kept and nobody is told. */
export class CompareRulebooks extends Query<RulebookComparison> {
  constructor(
    /** Validated. */
    readonly draft: RulebookDocument,
    readonly locale: Locale,
  ) {
    super();
  }
}

const slice = 2_000;

@QueryHandler(CompareRulebooks)
export class CompareRulebooksHandler implements IQueryHandler<CompareRulebooks> {
  constructor(
    private readonly pool: Pool,
    private readonly context: ProjectionContext,
  ) {}

  async execute({ draft, locale }: CompareRulebooks): Promise<RulebookComparison> {
    const startedAt = performance.now();
    const live = await liveRulebook(this.pool, this.context.zone);
    const after = compileRulebook(draft, live.version + 1, this.context.zone);
    const now = (await databaseNow(this.pool)).getTime();
    const count = new EffectCount(live, after, now);
    // a cursor holds one snapshot, so a lead is counted once whatever flows in meanwhile
    await inTransaction(this.pool, (client) => eachLead(client, (row) => count.add(row.id, row.state, row.memory)));
    return {
      live: live.version,
      changes: rulebookChanges(live, after, locale),
      effect: count.result,
      uncounted: uncountedIn(live, after),
      asOf: now,
      tookMs: Math.round(performance.now() - startedAt),
    };
  }
}

interface Row {
  id: number;
  state: LeadState;
  memory: LeadMemory;
}

async function eachLead(client: PoolClient, visit: (row: Row) => void): Promise<void> {
  await client.query(
    `declare every_lead no scroll cursor for
     select id, state, memory from lead where merged_into is null and not mixed and looked_at is not null`,
  );
  for (;;) {
    const rows = await client.query<Row>(`fetch ${slice} from every_lead`);
    for (const row of rows.rows) visit(row);
    if (rows.rows.length < slice) return;
  }
}

function uncountedIn(live: CompiledRulebook, after: CompiledRulebook): string[] {
  const counted = new Set(live.signalHashes);
  return [...after.signalNames.values()].filter((signal) => !counted.has(signal.hash)).map((signal) => signal.name);
}
