/**
 * What can happen to a lead. A record on the log is one LeadEvent: CloudEvents attributes in its headers, the rest as
 * JSON in its value (`event-wire.ts`). Decisions never travel on the log; the projector writes them straight to `event`.
 */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Stored by others: names are added, never changed. */
export const eventTypes = {
  // behaviour, as websites and servers tell it (Segment tracking protocol); opens and clicks are `track` as well
  page: 'behaviour',
  screen: 'behaviour',
  track: 'behaviour',
  group: 'behaviour',
  // who is who
  identify: 'identity',
  alias: 'identity',
  merge: 'identity',
  apart: 'identity',
  account: 'identity',
  // what may be sent
  consent: 'consent',
  suppression: 'consent',
  // what sales says and what became of a message
  outcome: 'outcome',
  approval: 'outcome',
  qualification: 'outcome',
  delivery: 'outcome',
  // judgements about earlier events (`refersTo`)
  verdict: 'judgement',
  unmerge: 'judgement',
  retraction: 'retraction',
  // recorded by the projector in its own transaction
  decision: 'decision',
} as const;

export type EventType = keyof typeof eventTypes;
export type EventKind = (typeof eventTypes)[EventType];

export interface LeadEvent {
  /** uuidv5(source, messageId) for everything collected. */
  id: string;
  type: EventType;
  /** Source id (`source.id`), or the producing part: `api`, `worker`, `projector`. */
  source: string;
  /** Milliseconds since 1970; never later than `receivedAt` at the edge. */
  occurredAt: number;
  receivedAt: number;

  // subject keys, normalised (`keys.ts`); at least one for every type but verdict, unmerge and retraction
  anonymousId?: string;
  /** With its id space: `main:42`. */
  userId?: string;
  email?: string;

  /** True where this event states that its keys are one person: identify, and forms as the source's settings name them. */
  links?: boolean;
  /** The event this one judges or corrects. */
  refersTo?: string;

  /** track: event name; page and screen: page name; outcome: contacted, accepted, …; verdict: human, machine, unsure; retraction: withdrawn, restored; consent: granted, withdrawn; account: assigned, withdrawn; suppression: unsubscribe, complaint, bounce, erasure; approval: approved, declined; qualification: answered. */
  name?: string;
  properties: JsonObject;
  traits?: JsonObject;
  context?: JsonObject;
  /** group: the group's id. */
  groupId?: string;
  /** alias: the earlier id, as a subject key. merge, apart: the other subject key. */
  otherKey?: string;
}

export const kindOf = (event: Pick<LeadEvent, 'type'>): EventKind => eventTypes[event.type];

/** The key of the record on the log: userId, else email, else anonymousId; judgements travel with the id they refer to. */
export const recordKeyOf = (event: LeadEvent): string =>
  event.userId ?? event.email ?? event.anonymousId ?? event.refersTo ?? event.id;
