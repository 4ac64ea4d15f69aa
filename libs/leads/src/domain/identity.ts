import type { LeadEvent } from './event.js';
import { anonKey, emailKey, isStrong, primaryKeyOf, strongKeyOf, userKey, type SubjectKey } from './keys.js';
import type { Verdict } from './signal.js';

/** Two strong keys that one event says are one person. */
export interface LinkPair {
  a: SubjectKey;
  b: SubjectKey;
}

/** "At this event's instant this browser was this person." `anon` is the bare anonymousId, `strong` a subject key. */
export interface IdentifiedAnon {
  anon: string;
  strong: SubjectKey;
}

export interface EventIdentity {
  link?: LinkPair;
  identifications: IdentifiedAnon[];
}

/** A click in a mail: it identifies the browser only while it is judged human. */
export const clickName = 'Email Clicked';

const nothing: EventIdentity = { identifications: [] };

/** Whether an event may link or identify at all, whatever the verdict: a cheap first look. */
export const mayIdentify = (event: Pick<LeadEvent, 'type' | 'links' | 'name'>): boolean =>
  event.links === true ||
  event.type === 'identify' ||
  event.type === 'alias' ||
  event.type === 'merge' ||
  (event.type === 'track' && event.name === clickName);

/** What an active event says about who is who. Un-merged and withdrawn events say nothing: ask only for the others. */
export function identityOf(event: LeadEvent, verdict?: Verdict): EventIdentity {
  if (event.type === 'alias' || event.type === 'merge') return statedPair(event);
  if (event.type === 'identify' || event.links === true) return ownKeys(event);
  if (event.type === 'track' && event.name === clickName && verdict === 'human') return ownKeys(event);
  return nothing;
}

function ownKeys(event: LeadEvent): EventIdentity {
  const strong = strongKeyOf(event);
  if (strong === undefined) return nothing;
  const identifications = event.anonymousId === undefined ? [] : [{ anon: event.anonymousId, strong }];
  if (event.userId === undefined || event.email === undefined) return { identifications };
  return { link: { a: userKey(event.userId), b: emailKey(event.email) }, identifications };
}

/** alias and merge: the event's own key and `otherKey`. Two browsers that nobody has identified stay two visitors. */
function statedPair(event: LeadEvent): EventIdentity {
  const own = primaryKeyOf(event);
  const other = event.otherKey;
  if (own === undefined || other === undefined || own === other) return nothing;
  if (isStrong(own) && isStrong(other)) {
    const identifications = event.anonymousId === undefined ? [] : [{ anon: event.anonymousId, strong: own }];
    return { link: { a: own, b: other }, identifications };
  }
  if (!isStrong(own) && !isStrong(other)) return nothing;
  const [strong, anon] = isStrong(own) ? [own, other] : [other, own];
  const identifications = [{ anon: anon.slice(2), strong }];
  if (event.anonymousId !== undefined && anonKey(event.anonymousId) !== anon)
    identifications.push({ anon: event.anonymousId, strong });
  return { identifications };
}

/** Two strong keys that an operator holds apart, however often a site links them. */
export function apartOf(event: LeadEvent): LinkPair | undefined {
  if (event.type !== 'apart' || event.otherKey === undefined) return undefined;
  const own = strongKeyOf(event);
  return own === undefined || own === event.otherKey || !isStrong(event.otherKey)
    ? undefined
    : { a: own, b: event.otherKey };
}
