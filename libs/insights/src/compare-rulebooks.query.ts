import { canonicalJson, type LeadMemory, type LeadState, type Locale } from '#libs/leads/domain';
import {
  Query,
  type IQueryHandler,
  databaseNow,
  inTransaction,
  type Pool,
  type PoolClient,
  type Queryable,
} from '#libs/platform';
import {
  compileRulebook,
  liveRulebook,
  type CompiledRulebook,
  type ProjectionContext,
  type RulebookDocument,
} from '#libs/projection';
import {
  EffectCount,
  effectSentences,
  effectSummary,
  rulebookChanges,
  shiftSentence,
  type LeadShift,
  type RulebookChange,
  type RulebookEffect,
  type ShownLead,
} from './domain/index.js';

export interface RulebookComparison {
  live: number;
  changes: RulebookChange[];
  /** One paragraph; `sentences` holds its parts. */
  summary: string;
  sentences: string[];
  effect: Omit<RulebookEffect, 'first'> & { first: (LeadShift & ShownLead & { text: string })[] };
  /**
   * Signals that the draft counts anew, and `account.domains` where it divides leads among companies otherwise: history is
   * read for them once it is published, so the effect leaves them out.
   */
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

const slice = 500;

export class CompareRulebooksHandler implements IQueryHandler<CompareRulebooks> {
  static readonly handles = CompareRulebooks;

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
    const effect = count.result;
    const sentences = effectSentences(effect, [live, after], locale);
    const shown = await shownLeads(
      this.pool,
      effect.first.map((shift) => shift.lead),
    );
    return {
      live: live.version,
      changes: rulebookChanges(live, after, locale),
      summary: effectSummary(effect, sentences, locale),
      sentences,
      effect: {
        ...effect,
        first: effect.first.map((shift) => {
          const lead = shown.get(shift.lead);
          const text = shiftSentence(shift, lead, after, locale);
          return { ...shift, ...(lead ?? nobody), text };
        }),
      },
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
  const fetch = () => client.query<Row>(`fetch ${slice} from every_lead`);
  for (let next = fetch(); ;) {
    const { rows } = await next;
    const more = rows.length === slice;
    // the next slice is made while this one is looked at; other requests of this process have their turn between two
    if (more) (next = fetch()).catch(() => undefined);
    for (const row of rows) visit(row);
    if (!more) return;
  }
}

const nobody: ShownLead = { displayName: null, company: null, email: null };

async function shownLeads(db: Queryable, ids: readonly number[]): Promise<Map<number, ShownLead>> {
  const found = await db.query<ShownLead & { lead: number }>(
    'select lead, display_name as "displayName", company, email from lead_rank where lead = any($1::bigint[])',
    [ids],
  );
  return new Map(found.rows.map(({ lead, ...shown }) => [lead, shown]));
}

function uncountedIn(live: CompiledRulebook, after: CompiledRulebook): string[] {
  const counted = new Set(live.signalHashes);
  const signals = [...after.signalNames.values()].filter((signal) => !counted.has(signal.hash));
  const domains = ({ document }: CompiledRulebook): string => canonicalJson(document.account?.domains ?? null);
  return [...signals.map(({ name }) => name), ...(domains(live) === domains(after) ? [] : ['account.domains'])];
}
