import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import type { JsonObject } from '#libs/leads/domain';
import type { Pool } from '#libs/platform';
import { listAparts, listSkippedLinks, readIdentity, type IdentityOfEvent } from '#libs/projection';
import { waitForAfter } from '../http/after.js';
import { decodeCursor, encodeCursor, instant } from '../http/paging.js';
import { iso, leadUnknown, refOf } from '../leads/lead-ref.js';
import type { apartPage, identityGraph, IdentityListQuery, skippedLinkPage } from './identity-graph.dto.js';

export class ReadIdentity extends Query<z.infer<typeof identityGraph>> {
  constructor(
    readonly ref: string,
    readonly after: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(ReadIdentity)
export class ReadIdentityHandler implements IQueryHandler<ReadIdentity> {
  constructor(private readonly pool: Pool) {}

  async execute({ ref, after }: ReadIdentity) {
    await waitForAfter(this.pool, after);
    const graph = await readIdentity(this.pool, refOf(ref));
    if (!graph) throw leadUnknown();
    return {
      ...graph,
      links: graph.links.map(linkOf),
      aparts: graph.aparts.map(linkOf),
      browsers: graph.browsers.map(({ anonymousId, intervals }) => ({
        anonymousId,
        intervals: intervals.map(({ from, until, ...owner }) => ({
          from: from === null ? null : iso(from),
          until: until === null ? null : iso(until),
          ...owner,
        })),
      })),
    };
  }
}

const linkOf = ({ a, b, at, knownAt, judgedBy, ...said }: IdentityOfEvent) => ({
  ...said,
  keys: [a, b] as [string, string],
  at: iso(at),
  knownAt: iso(knownAt),
  judgedBy: judgedBy && { ...judgedBy, at: iso(judgedBy.at) },
});

const cursorKeys = z.tuple([instant, z.uuid()]);

export class ListAparts extends Query<z.infer<typeof apartPage>> {
  constructor(readonly page: IdentityListQuery) {
    super();
  }
}

@QueryHandler(ListAparts)
export class ListApartsHandler implements IQueryHandler<ListAparts> {
  constructor(private readonly pool: Pool) {}

  execute({ page }: ListAparts) {
    return pageThrough(this.pool, page, listAparts, (row) => row);
  }
}

export class ListSkippedLinks extends Query<z.infer<typeof skippedLinkPage>> {
  constructor(readonly page: IdentityListQuery) {
    super();
  }
}

@QueryHandler(ListSkippedLinks)
export class ListSkippedLinksHandler implements IQueryHandler<ListSkippedLinks> {
  constructor(private readonly pool: Pool) {}

  execute({ page }: ListSkippedLinks) {
    return pageThrough(this.pool, page, listSkippedLinks, (row, { reason }) => ({ ...row, because: reason }));
  }
}

interface Row {
  event: string;
  a: string;
  b: string;
  at: number;
  source: string;
  type: string;
  properties: JsonObject;
}

async function pageThrough<R extends Row, T>(
  pool: Pool,
  page: IdentityListQuery,
  list: (db: Pool, limit: number, after: { at: number; event: string } | undefined) => Promise<R[]>,
  told: (stated: ReturnType<typeof statedOf>, row: R) => T,
): Promise<{ items: T[]; nextCursor: string | null }> {
  await waitForAfter(pool, page.after);
  const cursor = decodeCursor(page.cursor, cursorKeys);
  const rows = await list(pool, page.limit + 2, cursor && { at: cursor[0], event: cursor[1] });
  const items = rows.slice(0, page.limit);
  const last = items.at(-1);
  // the cursor names an event: a page does not end amid the two rows that one may have
  const more = rows[page.limit];
  if (last && more?.event === last.event) items.push(more);
  return {
    items: items.map((row) => told(statedOf(row), row)),
    nextCursor: rows.length > items.length && last ? encodeCursor([last.at, last.event]) : null,
  };
}

const statedOf = ({ event, type, source, a, b, at, properties }: Row) => ({
  event,
  type,
  source,
  actor: typeof properties['actor'] === 'string' ? properties['actor'] : null,
  reason: typeof properties['reason'] === 'string' ? properties['reason'] : null,
  at: iso(at),
  keys: [a, b] as [string, string],
});
