import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { describeEvent, judge, type JsonObject, type Judgements, type LeadEvent } from '#libs/leads/domain';
import type { Pool } from '#libs/platform';
import { readJudging, readLead, readTimeline, type TimelineEvent } from '#libs/projection';
import { waitForAfter } from '../http/after.js';
import { decodeCursor, encodeCursor, instant } from '../http/paging.js';
import { iso, leadUnknown, refOf } from './lead-ref.js';
import type { timelineEntry, timelinePage, TimelineQuery } from './leads.dto.js';

const cursorKeys = z.tuple([instant, z.uuid()]);

export class ReadTimeline extends Query<z.infer<typeof timelinePage>> {
  constructor(
    readonly ref: string,
    readonly page: TimelineQuery,
  ) {
    super();
  }
}

@QueryHandler(ReadTimeline)
export class ReadTimelineHandler implements IQueryHandler<ReadTimeline> {
  constructor(private readonly pool: Pool) {}

  async execute({ ref, page }: ReadTimeline) {
    await waitForAfter(this.pool, page.after);
    const lead = await readLead(this.pool, refOf(ref));
    if (!lead) throw leadUnknown();
    const before = decodeCursor(page.cursor, cursorKeys);
    const { events, next } = await readTimeline(this.pool, lead.id, {
      limit: page.limit,
      ...(before ? { before: { occurredAt: before[0], id: before[1] } } : {}),
    });
    return {
      items: await timelineEntries(this.pool, events, page.locale),
      nextCursor: next ? encodeCursor([next.occurredAt, next.id]) : null,
    };
  }
}

type Entry = z.infer<typeof timelineEntry>;
type Judged = Pick<Entry, 'counts' | 'verdict' | 'judgements'>;

/** Events as they are shown, with what was judged about each. */
export async function timelineEntries(
  pool: Pool,
  events: readonly TimelineEvent[],
  locale: 'ja' | 'en',
): Promise<Entry[]> {
  const judging = await readJudging(
    pool,
    events.map((event) => event.id),
  );
  const judgements = judge(judging);
  return events.map((event) => ({ ...entryOf(event, locale), ...judgedBy(event.id, judging, judgements) }));
}

function entryOf(row: TimelineEvent, locale: 'ja' | 'en'): Omit<Entry, keyof Judged> {
  const { id, kind, type, source, refersTo, body } = row;
  // a decision's body is the decision itself; every other event keeps what was said in `properties`
  const properties = kind === 'decision' ? body : ((body['properties'] ?? {}) as JsonObject);
  const event = { ...(body as unknown as LeadEvent), id, type, source, occurredAt: row.occurredAt, properties };
  return {
    ...{ id, kind, type, source, refersTo, properties },
    occurredAt: iso(row.occurredAt),
    receivedAt: iso(row.receivedAt),
    name: typeof body['name'] === 'string' ? body['name'] : null,
    text: describeEvent(event, locale),
  };
}

/** The fact and what was said about it later: neither takes the other's place. */
function judgedBy(id: string, judging: readonly LeadEvent[], judgements: Judgements): Judged {
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    counts: !judgements.withdrawn(id),
    verdict: judgements.verdictOf(id) ?? null,
    judgements: judging
      .filter((one) => one.refersTo === id)
      .map(({ id: judgement, type, name, occurredAt, properties }) => ({
        ...{ id: judgement, type, name: name ?? null, at: iso(occurredAt) },
        actor: text(properties['actor']),
        reason: text(properties['reason']),
        rule: typeof properties['rule'] === 'number' ? properties['rule'] : null,
      })),
  };
}
