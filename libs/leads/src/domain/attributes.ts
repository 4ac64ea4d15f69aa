import type { Json, LeadEvent } from './event.js';

/** Attributes under this prefix keep their first value, all others their last. */
export const firstTouchPrefix = 'firstTouch.';

/** The attributes that an event states. */
export function profileOf(event: LeadEvent): Record<string, Json> {
  const profile: Record<string, Json> = {};
  if (event.email !== undefined) profile['email'] = event.email;
  return profile;
}
