import {
  apartOf,
  identityOf,
  mayIdentify,
  primaryKeyOf,
  anonKey,
  type EventIdentity,
  type Identification,
  type Judgements,
  type LeadEvent,
  type Link,
  type LinkPair,
  type SubjectKey,
} from '#libs/leads/domain';
import type { StatedIdentity } from '../store/identity.store.js';
import type { Judged } from './judgement.projection.js';

export interface BrowserChange {
  added: Identification[];
  gone: Set<string>;
}

/** What a batch newly says, or no longer says, about who is who. */
export interface IdentityChange {
  /** Rows to put in the place of what these events said before. */
  stated: StatedIdentity[];
  /** Ends of links and apart pairs that came or went. */
  linkedKeys: Set<SubjectKey>;
  newLinks: Link[];
  goneLinks: Set<string>;
  newAparts: (LinkPair & { event: string })[];
  goneAparts: Set<string>;
  /** By bare anonymousId. */
  browsers: Map<string, BrowserChange>;
  /** Every key that any of it names: each needs a lead of its own. */
  keys: Set<SubjectKey>;
}

const saysNothing: EventIdentity = { identifications: [] };

function saidBy(event: LeadEvent, judgements: Judgements): EventIdentity & { apart?: LinkPair } {
  if (judgements.withdrawn(event.id)) return saysNothing;
  const identity = judgements.unmerged(event.id) ? saysNothing : identityOf(event, judgements.verdictOf(event.id));
  const apart = apartOf(event);
  return apart ? { ...identity, apart } : identity;
}

export function identityChange(fresh: readonly LeadEvent[], judged: Judged): IdentityChange {
  const change: IdentityChange = {
    stated: [],
    linkedKeys: new Set(),
    newLinks: [],
    goneLinks: new Set(),
    newAparts: [],
    goneAparts: new Set(),
    browsers: new Map(),
    keys: new Set(),
  };
  for (const event of fresh)
    if (mayIdentify(event) || event.type === 'apart') restate(change, event, saysNothing, saidBy(event, judged.after));
  for (const event of judged.facts) {
    if (mayIdentify(event) || event.type === 'apart')
      restate(change, event, saidBy(event, judged.before), saidBy(event, judged.after));
    // an event that was withdrawn when it came has no key of its own yet
    const key = primaryKeyOf(event);
    if (key) change.keys.add(key);
  }
  return change;
}

export const changesNothing = (change: IdentityChange): boolean => change.stated.length === 0;

type Said = EventIdentity & { apart?: LinkPair };

function restate(change: IdentityChange, event: LeadEvent, before: Said, after: Said): void {
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  const { id, occurredAt: at } = event;
  change.stated.push({
    event: id,
    at,
    identifications: after.identifications,
    ...(after.link ? { link: { ...after.link, state: 'active', reason: null } } : {}),
    ...(after.apart ? { apart: after.apart } : {}),
  });
  if (after.link) change.newLinks.push({ ...after.link, at, event: id });
  else if (before.link) change.goneLinks.add(id);
  if (after.apart) change.newAparts.push({ ...after.apart, event: id });
  else if (before.apart) change.goneAparts.add(id);
  for (const pair of [before.link, after.link, before.apart, after.apart])
    if (pair) for (const key of [pair.a, pair.b]) change.linkedKeys.add(key) && change.keys.add(key);
  const browserOf = (anon: string) => {
    const browser = change.browsers.get(anon) ?? { added: [], gone: new Set<string>() };
    change.browsers.set(anon, browser);
    change.keys.add(anonKey(anon));
    return browser;
  };
  for (const { anon } of before.identifications) browserOf(anon).gone.add(id);
  for (const { anon, strong } of after.identifications) {
    browserOf(anon).added.push({ at, event: id, strong });
    change.keys.add(strong);
  }
}

/** The time line as these events leave it. `gone` is taken off first: a restated row is in both. */
export function timelineAfter(rows: readonly Identification[], browser: BrowserChange | undefined): Identification[] {
  if (!browser) return [...rows];
  const replaced = new Set([...browser.gone, ...browser.added.map((one) => one.event)]);
  return [...rows.filter((row) => !replaced.has(row.event)), ...browser.added];
}
