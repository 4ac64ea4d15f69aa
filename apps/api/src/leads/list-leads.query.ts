import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import type { Pool } from '#libs/platform';
import { listLeads, type LeadListCursor, type ListedLead, type ProjectionContext } from '#libs/projection';
import { waitForAfter } from '../http/after.js';
import { decodeCursor, encodeCursor } from '../http/paging.js';
import { iso, points } from './lead-ref.js';
import type { leadPage, leadRow, LeadsQuery } from './leads.dto.js';

export class ListLeads extends Query<z.infer<typeof leadPage>> {
  constructor(readonly filter: LeadsQuery) {
    super();
  }
}

@QueryHandler(ListLeads)
export class ListLeadsHandler implements IQueryHandler<ListLeads> {
  constructor(
    private readonly pool: Pool,
    private readonly context: ProjectionContext,
  ) {}

  async execute({ filter }: ListLeads) {
    await waitForAfter(this.pool, filter.after);
    const { leads, next } = await listLeads(this.pool, this.context, {
      ...(filter.temperature ? { temperature: filter.temperature } : {}),
      ...(filter.stage ? { stage: filter.stage } : {}),
      ...(filter.q ? { text: filter.q } : {}),
      ...cursorOf(filter.cursor),
      visitors: filter.visitors,
      limit: filter.limit,
    });
    return {
      items: leads.map(rowOf),
      nextCursor: next ? encodeCursor([next.temperature, next.score, next.lead]) : null,
    };
  }
}

const cursorKeys = z.tuple([z.enum(['hot', 'warm', 'cold']), z.int().min(-1e9).max(1e9), z.int().positive()]);

function cursorOf(cursor: string | undefined): { after?: LeadListCursor } {
  const keys = decodeCursor(cursor, cursorKeys);
  if (!keys) return {};
  const [temperature, score, lead] = keys;
  return { after: { temperature, score, lead } };
}

function rowOf(listed: ListedLead): z.infer<typeof leadRow> {
  const { id, displayName, company, email, visitor, grade, band, temperature, stage, lastAt } = listed;
  return {
    ...{ id, displayName, company, email, visitor },
    score: points(listed.score),
    engagement: points(listed.engagement),
    fit: points(listed.fit),
    ...{ grade, band, temperature, stage },
    lastAt: lastAt === null ? null : iso(lastAt),
  };
}
