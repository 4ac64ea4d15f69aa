import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { z } from 'zod';
import type { AccountKey } from '#libs/leads/domain';
import { DomainError, type Pool } from '#libs/platform';
import { readAccount, type AccountExplanation, type AccountRead, type ProjectionContext } from '#libs/projection';
import { waitForAfter } from '../http/after.js';
import { iso, points } from '../leads/lead-ref.js';
import type { accountDetail, AccountQuery } from './accounts.dto.js';
import { accountRowOf } from './list-accounts.query.js';

export class ReadAccount extends Query<z.infer<typeof accountDetail>> {
  constructor(
    readonly key: AccountKey,
    readonly query: AccountQuery,
  ) {
    super();
  }
}

@QueryHandler(ReadAccount)
export class ReadAccountHandler implements IQueryHandler<ReadAccount> {
  constructor(
    private readonly pool: Pool,
    private readonly context: ProjectionContext,
  ) {}

  async execute({ key, query }: ReadAccount) {
    await waitForAfter(this.pool, query.after);
    const read = await readAccount(this.pool, this.context, key, query.locale);
    if (!read) throw accountUnknown();
    return detailOf(read);
  }
}

export const accountUnknown = () =>
  new DomainError('account-unknown', 'No lead belongs to this account.', { status: 404, path: 'account' });

function detailOf({ key, told, leads, suggestions, rulebook, now }: AccountRead): z.infer<typeof accountDetail> {
  const { look } = told;
  const nobody = { displayName: null, email: null, company: null };
  return {
    ...accountRowOf({ key, ...look }),
    asOf: iso(now),
    rulebook,
    nextChangeAt: iso(look.nextChangeAt),
    leads: told.members.map(({ lead, engagement, ...member }) => ({
      ...(leads.get(lead) ?? { id: lead, ...nobody }),
      ...member,
      engagement: points(engagement),
    })),
    lines: told.lines.map(lineOf),
    roleCoverage: told.roles,
    decisionMaker: told.decisionMaker,
    hot: told.hot.map(ruleOf),
    warm: ruleOf(told.warm),
    suggestions: {
      leads: suggestions.leads,
      accounts: suggestions.accounts.map(({ key: account, name, members }) => ({ account, name, members })),
    },
  };
}

const lineOf = (line: AccountExplanation['lines'][number]) =>
  line.kind === 'cap'
    ? { kind: line.kind, lead: null, points: points(line.points), engagement: null, capped: null, weighted: null }
    : {
        kind: line.kind,
        lead: line.lead,
        points: points(line.points),
        engagement: points(line.engagement),
        capped: points(line.capped),
        weighted: points(line.weighted),
      };

const ruleOf = ({ name, label, held, lines }: AccountExplanation['warm']) => ({
  ...{ name, label, held },
  conditions: lines.map((line) => ({ text: line.text, held: line.held, actual: line.actual ?? null })),
});
