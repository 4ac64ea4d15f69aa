import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { z } from 'zod';
import type { Pool } from '#libs/platform';
import { explain, explainAt, readLookNow, type ProjectionContext } from '#libs/projection';
import { waitForAfter } from '../http/after.js';
import { explanationOf } from './explanation.js';
import { leadUnknown, refOf } from './lead-ref.js';
import type { scoreExplanation, ScoreQuery } from './leads.dto.js';

export class ExplainScore extends Query<z.infer<typeof scoreExplanation>> {
  constructor(
    readonly ref: string,
    readonly query: ScoreQuery,
  ) {
    super();
  }
}

@QueryHandler(ExplainScore)
export class ExplainScoreHandler implements IQueryHandler<ExplainScore> {
  constructor(
    private readonly pool: Pool,
    private readonly context: ProjectionContext,
  ) {}

  async execute({ ref, query }: ExplainScore) {
    await waitForAfter(this.pool, query.after);
    if (query.at !== undefined) return this.past(ref, { ...query, at: Date.parse(query.at) });
    const looked = await readLookNow(this.pool, this.context, refOf(ref));
    if (!looked) throw leadUnknown();
    const { lead, rulebook, now } = looked;
    const { id, keys, memory } = lead;
    const whose = { lead: id, keys, knowledge: 'now' as const, facts: null, epoch: memory.epoch, armed: memory.armed };
    return explanationOf(whose, explain(lead.state, rulebook, memory, now, query.locale), now);
  }

  private async past(ref: string, { at, knowledge, locale }: Omit<ScoreQuery, 'at'> & { at: number }) {
    const found = await explainAt(this.pool, this.context, refOf(ref), { at, knowledge }, locale);
    if (!found) throw leadUnknown();
    const { lead, keys, facts, memory, explanation } = found;
    return explanationOf({ lead, keys, knowledge, facts, epoch: memory.epoch, armed: memory.armed }, explanation, at);
  }
}
