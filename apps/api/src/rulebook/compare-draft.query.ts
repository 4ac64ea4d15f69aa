import { Query, QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { z } from 'zod';
import { CompareRulebooks } from '#libs/insights';
import { DomainError, type Pool } from '#libs/platform';
import { readDocument, type RulebookDocument } from '#libs/projection';
import { iso, points } from '../leads/lead-ref.js';
import { parseInput } from './change-rulebook.command.js';
import type { CompareInput, rulebookComparison } from './rulebook.dto.js';

export class CompareDraft extends Query<z.infer<typeof rulebookComparison>> {
  constructor(readonly input: CompareInput) {
    super();
  }
}

@QueryHandler(CompareDraft)
export class CompareDraftHandler implements IQueryHandler<CompareDraft> {
  constructor(
    private readonly queries: QueryBus,
    private readonly pool: Pool,
  ) {}

  async execute({ input }: CompareDraft) {
    const draft = 'version' in input ? await readDocument(this.pool, input.version) : draftOf(input);
    const { effect, asOf, ...comparison } = await this.queries.execute(new CompareRulebooks(draft, input.locale));
    const first = effect.first.map(({ before, after, ...shown }) => ({
      ...shown,
      before: { ...before, score: points(before.score) },
      after: { ...after, score: points(after.score) },
    }));
    return { ...comparison, asOf: iso(asOf), effect: { ...effect, first } };
  }
}

function draftOf(input: Extract<CompareInput, { document: unknown }>): RulebookDocument {
  const parsed = parseInput({ ...input, note: '' });
  if (parsed.errors)
    throw new DomainError('rulebook-invalid', 'The rulebook has errors.', { status: 422, errors: parsed.errors });
  return parsed.document;
}
