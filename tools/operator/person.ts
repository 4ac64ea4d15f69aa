import { emailKey, normalizeEmail, userKey } from '#libs/leads/domain';
import { DomainError } from '#libs/platform';
import type { LeadRef } from '#libs/projection';

export interface PersonNamed {
  email?: string;
  userId?: string;
  lead?: string;
}

/** Whom the operator means: by exactly one of address, userId with its space, and lead id. */
export function personNamed({ email, userId, lead }: PersonNamed): LeadRef {
  if ([email, userId, lead].filter((given) => given !== undefined).length !== 1)
    throw new DomainError('name-one', 'Give one of --email, --user-id and --lead.');
  if (email !== undefined) return { key: emailKey(normalizeEmail(email)) };
  if (userId !== undefined) return { key: userKey(userId) };
  if (!/^\d{1,15}$/.test(lead!)) throw new DomainError('bad-lead', 'A lead id is a number.');
  return { id: Number(lead) };
}
