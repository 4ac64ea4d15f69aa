import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { DomainError, type Queryable } from '#libs/platform';
import { decodeCursor, encodeCursor } from '../http/paging.js';
import type { DeliveriesQuery } from './deliveries.dto.js';

const columns = `id, purpose, channel, lead, recipient, state, reason, last_error as "lastError", attempt, repeats, run, step,
  crossing, due_at as "dueAt", handed_off_at as "handedOffAt", ended_at as "endedAt", created_at as "createdAt"`;

/** Microseconds since 1970, as exact as the column, and the row's id. */
const cursorKeys = z.tuple([z.int().min(0).max(4_200_000_000_000_000), z.uuid()]);

export class ListDeliveries extends Query<{ items: object[]; nextCursor: string | null }> {
  constructor(readonly filter: DeliveriesQuery) {
    super();
  }
}

@QueryHandler(ListDeliveries)
export class ListDeliveriesHandler implements IQueryHandler<ListDeliveries> {
  constructor(private readonly db: Queryable) {}

  async execute({ filter }: ListDeliveries) {
    const [createdAt, id] = decodeCursor(filter.cursor, cursorKeys) ?? [null, null];
    const rows = await this.db.query<{ id: string; sortKey: number }>(
      `select ${columns}, (extract(epoch from created_at) * 1000000)::bigint as "sortKey" from delivery
       where ($1::text is null or state = $1) and ($2::text is null or purpose = $2) and ($3::text is null or channel = $3)
         and ($4::bigint is null or lead = $4) and ($5::bigint is null or (created_at, id) < ('epoch'::timestamptz + $5::bigint * interval '1 microsecond', $6::uuid))
       order by created_at desc, id desc limit $7`,
      [filter.state, filter.purpose, filter.channel, filter.lead, createdAt, id, filter.limit + 1],
    );
    const shown = rows.rows.slice(0, filter.limit);
    const last = shown.at(-1);
    return {
      items: shown.map(({ sortKey: _, ...row }) => row),
      nextCursor: last && rows.rows.length > filter.limit ? encodeCursor([last.sortKey, last.id]) : null,
    };
  }
}

export class ReadDelivery extends Query<object> {
  constructor(readonly id: string) {
    super();
  }
}

@QueryHandler(ReadDelivery)
export class ReadDeliveryHandler implements IQueryHandler<ReadDelivery> {
  constructor(private readonly db: Queryable) {}

  async execute({ id }: ReadDelivery) {
    const rows = await this.db.query(`select ${columns} from delivery where id = $1`, [id]);
    if (!rows.rows[0])
      throw new DomainError('delivery-unknown', 'No delivery with this id.', { status: 404, path: 'id' });
    return rows.rows[0] as object;
  }
}
