import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { z } from 'zod';
import type { Pool } from '#libs/platform';
import { explain, readLookNow, type ProjectionContext } from '#libs/projection';
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
    const looked = await readLookNow(this.pool, this.context, refOf(ref));
    if (!looked) throw leadUnknown();
    const { lead, rulebook, now } = looked;
    return explanationOf(lead.id, explain(lead.state, rulebook, lead.memory, now, query.locale), now);
  }
}
