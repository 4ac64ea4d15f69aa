import { isStrong, ownerAt, primaryKeyOf, type LeadEvent, type SubjectKey } from '#libs/leads/domain';
import type { PoolClient } from '#libs/platform';
import {
  addMinted,
  browsersOf,
  lockBrowsers,
  readNeighbourhood,
  readPlaces,
  type KeyPlaces,
  type Neighbourhood,
} from '../store/identity.store.js';
import { lockLeads, mintKeys, newLead, type LockedLead } from '../store/lead.store.js';
import { changesNothing, identityChange, type IdentityChange } from './identity-change.js';
import { isFact, readJudged, type Judged, type JudgementQuestion } from './judgement.projection.js';
import { rejoin, rootsTouched, type Rejoined } from './linkage.js';
import { RepeatBatch } from './repeat.js';

/** Everything that a step needs to know about who is who, under the locks that keep it true until the commit. */
export interface Scope {
  judged: Judged;
  change: IdentityChange;
  places: KeyPlaces;
  rejoined: Rejoined;
  /** Browsers whose owner may change: bare anonymousIds. */
  anons: Set<string>;
  leads: Map<number, LockedLead>;
}

const nobodyNear: Neighbourhood = { places: new Map(), links: [], aparts: [] };

/**
 * Looks, locks, and looks again where somebody's identity changes. Without a change the versions read in one snapshot tell
 * whether the answer still holds; with one, everything is read anew under the locks, and the batch repeats if that shows
 * leads that are not locked.
 */
export async function openScope(
  client: PoolClient,
  fresh: readonly LeadEvent[],
  question: JudgementQuestion,
  keyLimit: number,
): Promise<Scope> {
  const guess = await readJudged(client, question);
  const guessedChange = identityChange(fresh, guess);
  const keys = new Set(guessedChange.keys);
  for (const event of [...fresh, ...guess.facts]) {
    const key = isFact(event) ? primaryKeyOf(event) : undefined;
    if (key !== undefined) keys.add(key);
  }
  let places = await placesOf(client, keys);
  if (changesNothing(guessedChange) && guess.facts.length === 0) {
    const versions = rootsWithVersions(fresh, places);
    const leads = await lockLeads(
      client,
      [...versions.keys()].filter((id) => !places.minted.has(id)),
    );
    for (const id of places.minted) if (versions.has(id)) leads.set(id, newLead(id));
    for (const [id, version] of versions) {
      const lead = leads.get(id);
      if (!lead || lead.mergedInto !== null) throw new RepeatBatch('merged');
      if (lead.version !== version) throw new RepeatBatch('version');
    }
    return {
      judged: guess,
      change: guessedChange,
      places,
      rejoined: rejoin(nobodyNear, guessedChange, keyLimit),
      anons: new Set(),
      leads,
    };
  }

  await lockBrowsers(client, guessedChange.browsers.keys());
  places = await placesOf(client, keys);
  const before = await readAround(client, guessedChange, places, keyLimit);
  const wanted = new Set([
    ...rootsTouched(before.places, before.near, before.anons, guessedChange),
    ...rootsWithVersions([...fresh, ...guess.facts], before.places).keys(),
  ]);
  const leads = await lockLeads(client, wanted);

  const judged = await readJudged(client, question);
  const change = identityChange(fresh, judged);
  if ([...change.keys].some((key) => !keys.has(key))) throw new RepeatBatch('more-leads');
  const around = await readAround(client, change, await placesOf(client, keys), keyLimit);
  const needed = new Set([
    ...rootsTouched(around.places, around.near, around.anons, change),
    ...rootsWithVersions([...fresh, ...judged.facts], around.places).keys(),
  ]);
  for (const id of needed) if (!leads.has(id)) throw new RepeatBatch('more-leads');
  for (const [id, lead] of leads) if (lead.mergedInto !== null) needed.has(id) ? raise() : leads.delete(id);
  return { judged, change, leads, ...around };
}

function raise(): never {
  throw new RepeatBatch('merged');
}

/**
 * Reads the keys and mints the missing ones. What another batch has minted meanwhile is visible only to a new statement;
 * that it is of a later snapshot does no harm, because the versions are checked under the locks, key by key.
 */
async function placesOf(client: PoolClient, keys: ReadonlySet<SubjectKey>): Promise<KeyPlaces> {
  const list = [...keys];
  const places = await readPlaces(client, list);
  const missing = list.filter((key) => !places.places.has(key));
  if (missing.length === 0) return places;
  const minted = await mintKeys(client, missing);
  addMinted(places, minted);
  const others = missing.filter((key) => !minted.has(key));
  if (others.length === 0) return places;
  const more = await readPlaces(client, others);
  for (const [key, place] of more.places) places.places.set(key, place);
  for (const [anon, timeline] of more.timelines) places.timelines.set(anon, timeline);
  return places;
}

async function readAround(client: PoolClient, change: IdentityChange, places: KeyPlaces, keyLimit: number) {
  const near = await readNeighbourhood(client, [...change.linkedKeys]);
  const rejoined = rejoin(near, change, keyLimit);
  const anons = new Set(change.browsers.keys());
  const reshaped = rejoined.groups.filter(
    (group) => group.oldRoots.length > 1 || group.oldRoots.some((old) => old !== group.root || rejoined.split.has(old)),
  );
  const followers = (
    await browsersOf(
      client,
      reshaped.flatMap((group) => group.keys),
    )
  ).filter((anon) => !places.timelines.has(anon));
  const all: KeyPlaces = {
    places: new Map([...places.places, ...near.places]),
    timelines: new Map(places.timelines),
    minted: places.minted,
  };
  if (followers.length > 0) {
    const more = await readPlaces(
      client,
      followers.map((anon) => `a:${anon}`),
    );
    for (const [key, place] of more.places) all.places.set(key, place);
    for (const [anon, timeline] of more.timelines) all.timelines.set(anon, timeline);
  }
  const reshapedKeys = new Set(reshaped.flatMap((group) => group.keys));
  for (const [anon, timeline] of all.timelines)
    if (timeline.rows.some((row) => reshapedKeys.has(row.strong))) anons.add(anon);
  return { places: all, near, rejoined, anons };
}

/** The roots that these facts belong to before anything moves. */
function rootsWithVersions(facts: readonly LeadEvent[], { places, timelines }: KeyPlaces): Map<number, number> {
  const roots = new Map<number, number>();
  for (const event of facts) {
    const key = isFact(event) ? primaryKeyOf(event) : undefined;
    if (key === undefined) continue;
    const timeline = isStrong(key) ? undefined : timelines.get(event.anonymousId!);
    const strong = timeline && timeline.rows.length > 0 ? ownerAt(timeline.rows, event.occurredAt) : undefined;
    const place = strong === undefined ? places.get(key)! : timeline!.owners.find((owner) => owner.key === strong)!;
    roots.set(place.root, place.version);
  }
  return roots;
}
