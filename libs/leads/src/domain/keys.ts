import type { LeadEvent } from './event.js';

/**
 * A subject key as `subject_key.key` stores it: `u:<space>:<userId>`, `e:<email>`, `a:<anonymousId>`. userId and email are
 * strong: they name a person. An anonymousId names a browser.
 */
export type SubjectKey = string;

export const anonKey = (anonymousId: string): SubjectKey => `a:${anonymousId}`;
export const userKey = (userId: string): SubjectKey => `u:${userId}`;
export const emailKey = (email: string): SubjectKey => `e:${email}`;
export const isStrong = (key: SubjectKey): boolean => !key.startsWith('a:');

/** Addresses are one space and compared case-folded, width-folded and trimmed. */
export const normalizeEmail = (raw: string): string => raw.normalize('NFKC').trim().toLowerCase();

/** A userId lives in the id space its source names. */
export const scopedUserId = (space: string, userId: string): string => `${space}:${userId}`;

/** The strong key an event belongs to, or none: userId, else email. */
export function strongKeyOf(event: Pick<LeadEvent, 'userId' | 'email'>): SubjectKey | undefined {
  if (event.userId !== undefined) return userKey(event.userId);
  if (event.email !== undefined) return emailKey(event.email);
  return undefined;
}

/** The key an event belongs to before ownership of anonymous events is derived. */
export function primaryKeyOf(event: Pick<LeadEvent, 'userId' | 'email' | 'anonymousId'>): SubjectKey | undefined {
  return strongKeyOf(event) ?? (event.anonymousId === undefined ? undefined : anonKey(event.anonymousId));
}

/** A subject key back in the field that it came from. */
export function fieldsOfKey(key: SubjectKey): Pick<LeadEvent, 'userId' | 'email' | 'anonymousId'> {
  const value = key.slice(2);
  if (key.startsWith('u:')) return { userId: value };
  return key.startsWith('e:') ? { email: value } : { anonymousId: value };
}
