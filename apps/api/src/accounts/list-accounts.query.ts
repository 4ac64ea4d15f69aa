import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import type { Pool } from '#libs/platform';
import { listAccounts, type AccountCursor, type ListedAccount, type ProjectionContext } from '#libs/projection';
import { waitForAfter } from '../http/after.js';
import { decodeCursor, encodeCursor } from '../http/paging.js';
import { points } from '../leads/lead-ref.js';
import type { accountPage, accountRow, AccountsQuery } from './accounts.dto.js';

export class ListAccounts extends Query<z.infer<typeof accountPage>> {
  constructor(readonly filter: AccountsQuery) {
    super();
  }
}

@QueryHandler(ListAccounts)
export class ListAccountsHandler implements IQueryHandler<ListAccounts> {
  constructor(
    private readonly pool: Pool,
    private readonly context: ProjectionContext,
  ) {}

  async execute({ filter }: ListAccounts) {
    await waitForAfter(this.pool, filter.after);
    const { accounts, next } = await listAccounts(this.pool, this.context, {
      ...(filter.temperature ? { temperature: filter.temperature } : {}),
      ...(filter.q ? { text: filter.q } : {}),
      ...cursorOf(filter.cursor),
      together: filter.together,
      limit: filter.limit,
    });
    return {
      items: accounts.map(accountRowOf),
      nextCursor: next ? encodeCursor([next.temperature, next.engagement, next.key]) : null,
    };
  }
}

const cursorKeys = z.tuple([z.enum(['hot', 'warm', 'cold']), z.int().min(-2e9).max(2e9), z.string().max(300)]);

function cursorOf(cursor: string | undefined): { after?: AccountCursor } {
  const keys = decodeCursor(cursor, cursorKeys);
  return keys ? { after: { temperature: keys[0], engagement: keys[1], key: keys[2] } } : {};
}

export function accountRowOf(listed: ListedAccount): z.infer<typeof accountRow> {
  const { key, name, temperature, engagement, members, engaged, hotMembers, roles, reached, hotRules } = listed;
  return {
    account: key,
    ...{ name, temperature, members, engaged, hotMembers, roles, hotRules },
    engagement: points(engagement),
    decisionMakerReached: reached,
  };
}
