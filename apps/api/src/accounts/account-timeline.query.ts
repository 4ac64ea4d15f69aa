import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import type { AccountKey } from '#libs/leads/domain';
import type { Pool } from '#libs/platform';
import { memberIds, readMembersTimeline } from '#libs/projection';
import { waitForAfter } from '../http/after.js';
import { decodeCursor, encodeCursor, instant } from '../http/paging.js';
import { timelineEntries } from '../leads/timeline.query.js';
import type { accountTimelinePage, AccountTimelineQuery } from './accounts.dto.js';
import { accountUnknown } from './read-account.query.js';

export class ReadAccountTimeline extends Query<z.infer<typeof accountTimelinePage>> {
  constructor(
    readonly key: AccountKey,
    readonly page: AccountTimelineQuery,
  ) {
    super();
  }
}

const cursorKeys = z.tuple([instant, z.uuid()]);

@QueryHandler(ReadAccountTimeline)
export class ReadAccountTimelineHandler implements IQueryHandler<ReadAccountTimeline> {
  constructor(private readonly pool: Pool) {}

  async execute({ key, page }: ReadAccountTimeline) {
    await waitForAfter(this.pool, page.after);
    const members = await memberIds(this.pool, key);
    if (members.length === 0) throw accountUnknown();
    const before = decodeCursor(page.cursor, cursorKeys);
    const { events, next } = await readMembersTimeline(this.pool, members, {
      limit: page.limit,
      ...(before ? { before: { occurredAt: before[0], id: before[1] } } : {}),
    });
    const entries = await timelineEntries(this.pool, events, page.locale);
    return {
      items: entries.map((entry, index) => ({ lead: events[index]!.lead, ...entry })),
      nextCursor: next ? encodeCursor([next.occurredAt, next.id]) : null,
    };
  }
}
