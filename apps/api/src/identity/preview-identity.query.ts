import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { z } from 'zod';
import { runsThatWouldMerge } from '#libs/nurture';
import type { Pool } from '#libs/platform';
import { preview, type Preview, type PreviewedLead, type ProjectionContext } from '#libs/projection';
import { points } from '../leads/lead-ref.js';
import type { identityPreview } from './identity-graph.dto.js';
import { factsOf, type IdentityJudgement } from './judgement-facts.js';

/** What an operator's word would do, without saying it. */
export class PreviewIdentity extends Query<z.infer<typeof identityPreview>> {
  constructor(readonly judgement: IdentityJudgement) {
    super();
  }
}

@QueryHandler(PreviewIdentity)
export class PreviewIdentityHandler implements IQueryHandler<PreviewIdentity> {
  constructor(
    private readonly pool: Pool,
    private readonly context: ProjectionContext,
  ) {}

  async execute({ judgement }: PreviewIdentity) {
    const facts = await factsOf(this.pool, judgement, 'preview');
    const seen = await preview(this.pool, this.context, facts);
    return {
      before: seen.before.map(sideOf),
      after: seen.after.map(sideOf),
      eventsMoved: seen.eventsMoved,
      refold: seen.refold,
      runsThatExit: await runsThatWouldMerge(this.pool, joinedLeads(seen)),
    };
  }
}

/** Leads that would be one afterwards. */
const joinedLeads = ({ before, after }: Preview): number[][] =>
  after
    .map(({ keys }) => before.filter((lead) => lead.keys.every((key) => keys.includes(key))).map(({ lead }) => lead))
    .filter((leads) => leads.length > 1);

const sideOf = ({ look, ...lead }: PreviewedLead) => ({
  ...lead,
  score: look && points(look.score),
  temperature: look && look.temperature,
  stage: look && (look.stage ?? look.initialStage),
  grade: look && look.grade,
  segments: look && look.segments,
});
