import {
  countedOf,
  joinComponents,
  movedIntervals,
  ownedIntervals,
  soleOwner,
  type Identification,
  type SkippedLink,
  type SubjectKey,
} from '#libs/leads/domain';
import type { KeyPlace, KeyPlaces, Neighbourhood, Timeline } from '../store/identity.store.js';
import type { LeadLinkage } from '../store/lead.store.js';
import { timelineAfter, type BrowserChange, type IdentityChange } from './identity-change.js';

/** How the components lie after a change: pure, so that it can be asked before the locks and again under them. */
export interface Rejoined {
  rootAfter: Map<SubjectKey, number>;
  /** Keys whose root changes: their browsers follow. */
  movedKeys: SubjectKey[];
  /** New root, and the old roots whose keys it has now. */
  groups: { root: number; oldRoots: number[]; keys: SubjectKey[] }[];
  /** Old roots whose keys lie in more than one component now. */
  split: Set<number>;
  skipped: SkippedLink[];
  active: string[];
}

export function rejoin(near: Neighbourhood, change: IdentityChange, keyLimit: number): Rejoined {
  const restated = new Set([...change.goneLinks, ...change.newLinks.map((link) => link.event)]);
  const links = [...near.links.filter((link) => !restated.has(link.event)), ...change.newLinks];
  const reapart = new Set([...change.goneAparts, ...change.newAparts.map((pair) => pair.event)]);
  const aparts = [...near.aparts.filter((pair) => !reapart.has(pair.event)), ...change.newAparts];
  const components = joinComponents(links, aparts, keyLimit);
  const members = new Map<SubjectKey, KeyPlace[]>();
  for (const place of near.places.values()) {
    const name = components.rootOf(place.key);
    members.set(name, [...(members.get(name) ?? []), place]);
  }
  const result: Rejoined = {
    rootAfter: new Map(),
    movedKeys: [],
    groups: [],
    split: new Set(),
    skipped: components.skipped,
    active: [],
  };
  const seen = new Map<number, number>();
  for (const places of members.values()) {
    const root = Math.min(...places.map((place) => place.lead));
    const oldRoots = [...new Set(places.map((place) => place.root))];
    for (const old of oldRoots)
      if (seen.has(old)) result.split.add(old);
      else seen.set(old, root);
    for (const place of places) {
      result.rootAfter.set(place.key, root);
      if (place.root !== root) result.movedKeys.push(place.key);
    }
    result.groups.push({ root, oldRoots, keys: places.map((place) => place.key) });
  }
  const skipped = new Set(components.skipped.map((link) => link.event));
  result.active = links.filter((link) => !skipped.has(link.event)).map((link) => link.event);
  return result;
}

export interface MovedBrowser {
  anon: string;
  /** The browser's own lead. */
  own: number;
  rows: Identification[];
  /** Set where a lone visitor becomes his only owner's: by addition. */
  joins?: number;
  /** Roots as they are now; undefined is the browser's own lead. */
  moved: { from: number; until: number; before: number; after: number }[];
  linkage: LeadLinkage;
  wasMergedInto: number | null;
  wasMixed: boolean;
  /** Too many people have identified it, before and after. */
  wasNobodys: boolean;
  isNobodys: boolean;
}

/** Where browsers lie once components and time lines have changed. */
export function moveBrowsers(
  anons: Iterable<string>,
  places: KeyPlaces,
  change: IdentityChange,
  rejoined: Rejoined,
  browserLimit: number,
): MovedBrowser[] {
  const result: MovedBrowser[] = [];
  for (const anon of anons) {
    const timeline = places.timelines.get(anon);
    if (!timeline?.own) throw new Error('a browser without a lead of its own');
    const { own } = timeline;
    const rootBefore = new Map(timeline.owners.map((owner) => [owner.key, owner.root]));
    for (const { strong } of change.browsers.get(anon)?.added ?? [])
      rootBefore.set(strong, rootBefore.get(strong) ?? places.places.get(strong)!.root);
    const rootAfter = (strong: SubjectKey): number => rejoined.rootAfter.get(strong) ?? rootBefore.get(strong)!;
    const before = ownedIntervals(timeline.rows, rootAfter);
    const { rows, isNobodys } = countedAfter(timeline, change.browsers.get(anon), browserLimit);
    const sole = soleOwner(rows, rootAfter);
    const owners = new Set(rows.map((row) => rootAfter(row.strong)));
    const moved = movedIntervals(before, ownedIntervals(rows, rootAfter)).map((interval) => ({
      from: interval.from,
      until: interval.until,
      before: interval.before ?? own.lead,
      after: interval.after ?? own.lead,
    }));
    const wasLone = timeline.rows.length === 0;
    result.push({
      anon,
      own: own.lead,
      rows,
      ...(wasLone && sole !== undefined ? { joins: sole, moved: [] } : { moved }),
      linkage: { id: own.lead, mergedInto: sole ?? null, mixed: owners.size > 1 },
      wasMergedInto: own.root === own.lead ? null : own.root,
      wasMixed: own.mixed,
      wasNobodys: timeline.crowd !== undefined,
      isNobodys,
    });
  }
  return result;
}

/** A browser that stays nobody's is not read, and whatever is said of it moves nothing. */
function countedAfter(
  { rows, crowd }: Timeline,
  browser: BrowserChange | undefined,
  browserLimit: number,
): { rows: Identification[]; isNobodys: boolean } {
  if (crowd && !crowd.said) return { rows: [], isNobodys: true };
  const said = timelineAfter(crowd?.said ?? rows, browser);
  const counted = browser ? countedOf(said, browserLimit) : said;
  return { rows: [...counted], isNobodys: counted.length < said.length };
}

/** Whose leads a change can touch: what has to be locked. */
export function rootsTouched(
  places: KeyPlaces,
  near: Neighbourhood,
  anons: Iterable<string>,
  change: IdentityChange,
): Set<number> {
  const roots = new Set<number>();
  // a merge may name an owner who is neither the event's own key nor on the time line yet
  for (const { added } of change.browsers.values())
    for (const { strong } of added) roots.add(places.places.get(strong)!.root);
  for (const place of near.places.values()) roots.add(place.root);
  for (const anon of anons) {
    const timeline = places.timelines.get(anon);
    if (timeline?.own) roots.add(timeline.own.root);
    for (const owner of timeline?.owners ?? []) roots.add(owner.root);
  }
  return roots;
}
