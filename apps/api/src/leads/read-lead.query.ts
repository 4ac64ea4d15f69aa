import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { z } from 'zod';
import { isKnown, membershipOf, type Membership } from '#libs/leads/domain';
import type { Pool } from '#libs/platform';
import {
  explainHeld,
  readAccountRow,
  readLookNow,
  type ListedAccount,
  type LookedAt,
  type ProjectionContext,
} from '#libs/projection';
import { waitForAfter } from '../http/after.js';
import { heldMoveOf } from './explanation.js';
import { iso, leadUnknown, points, refOf } from './lead-ref.js';
import type { leadDetail } from './leads.dto.js';

export class ReadLead extends Query<z.infer<typeof leadDetail>> {
  constructor(
    readonly ref: string,
    readonly after?: string,
  ) {
    super();
  }
}

@QueryHandler(ReadLead)
export class ReadLeadHandler implements IQueryHandler<ReadLead> {
  constructor(
    private readonly pool: Pool,
    private readonly context: ProjectionContext,
  ) {}

  async execute({ ref, after }: ReadLead) {
    await waitForAfter(this.pool, after);
    const looked = await readLookNow(this.pool, this.context, refOf(ref));
    if (!looked) throw leadUnknown();
    const membership = membershipOf(looked.lead.state);
    const named = looked.account?.key === membership?.account ? looked.account : undefined;
    // the rank, by which the company was found, is of the last look: a lead that waits to be folded anew is ahead of it
    const row = named ?? (membership && (await readAccountRow(this.pool, membership.account)));
    return detailOf(looked, membership, row);
  }
}

function detailOf(
  { lead, look, rulebook, now }: LookedAt,
  membership: Membership | undefined,
  account: ListedAccount | undefined,
): z.infer<typeof leadDetail> {
  const { profile, consent } = lead.state;
  const text = (name: string): string | null => (typeof profile[name]?.value === 'string' ? profile[name].value : null);
  const fullName = [text('familyName'), text('givenName')].filter(Boolean).join(' ');
  return {
    id: lead.id,
    keys: lead.keys,
    visitor: lead.visitor,
    displayName: (text('displayName') ?? fullName) || null,
    company: text('company.name'),
    email: text('email') ?? lead.keys.find((key) => key.startsWith('e:'))?.slice(2) ?? null,
    account: membership
      ? {
          ...membership,
          name: account?.name ?? null,
          temperature: account?.temperature ?? null,
          engagement: account ? points(account.engagement) : null,
          members: account?.members ?? null,
        }
      : null,
    profile: mapValues(profile, ({ value, at, event }) => ({ value, at: iso(at), event })),
    consent: mapValues(consent, ({ value, at, event }) => ({ ...value, at: iso(at), event })),
    score: points(look.score),
    engagement: points(look.engagement),
    fit: points(look.fit),
    grade: look.grade,
    band: look.band,
    temperature: look.temperature,
    stage: look.stage ?? look.initialStage,
    held: explainHeld(look.held, rulebook, (name) => isKnown(profile[name]?.value), 'en').map(heldMoveOf),
    hotRules: look.hotRules,
    segments: look.segments,
    epoch: lead.memory.epoch,
    armed: lead.memory.armed,
    rulebook: rulebook.version,
    asOf: iso(now),
  };
}

const mapValues = <A, B>(record: Record<string, A>, map: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
