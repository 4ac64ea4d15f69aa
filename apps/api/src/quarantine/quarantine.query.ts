import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import type { Queryable } from '#libs/platform';
import { decodeCursor, encodeCursor } from '../http/paging.js';
import type { QuarantineQuery } from './quarantine.dto.js';

const shownBytes = 65_536;

export class ListQuarantine extends Query<{ items: object[]; nextCursor: string | null }> {
  constructor(readonly filter: QuarantineQuery) {
    super();
  }
}

@QueryHandler(ListQuarantine)
export class ListQuarantineHandler implements IQueryHandler<ListQuarantine> {
  constructor(private readonly db: Queryable) {}

  async execute({ filter }: ListQuarantine) {
    const [before] = decodeCursor(filter.cursor, z.tuple([z.int().positive()])) ?? [null];
    const rows = await this.db.query<{ id: number }>(
      `select id, topic, partition, position, code, detail, headers,
              encode(substring(value from 1 for ${shownBytes}), 'base64') as "valueBase64", status, quarantined_at as "quarantinedAt"
       from quarantine
       where status = $1 and ($2::bigint is null or id < $2)
       order by id desc limit $3`,
      [filter.status, before, filter.limit + 1],
    );
    const items = rows.rows.slice(0, filter.limit);
    return { items, nextCursor: rows.rows.length > filter.limit ? encodeCursor([items.at(-1)!.id]) : null };
  }
}
