import { isStrong, ownerAt, primaryKeyOf, tooManyPeople, type LeadEvent, type SubjectKey } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import {
  addMinted,
  browsersOf,
  emptyPlaces,
  lockBrowsers,
  readNeighbourhood,
  readPlaces,
  type KeyPlaces,
  type Neighbourhood,
} from '../store/identity.store.js';
import { readCrowds, readSkipped, type Crowd, type CrowdQuestion } from '../store/skipped-identification.store.js';
import { lockLeads, mintKeys, mintUnborn, newLead, type LockedLead } from '../store/lead.store.js';
import { dateBatch } from '../store/offset.store.js';
import { changesNothing, identityChange, type IdentityChange } from './identity-change.js';
import { isFact, readJudged, type Judged } from './judgement.projection.js';
import { rejoin, rootsTouched, type Rejoined } from './linkage.js';
import { RepeatBatch } from './repeat.js';
import type { StepInput } from './step.js';
import type { ProjectionSettings } from '../projection-context.js';

/** Everything that a step needs to know about who is who, under the locks that keep it true until the commit. */
export interface Scope {
  judged: Judged;
  change: IdentityChange;
  places: KeyPlaces;
  rejoined: Rejoined;
  /** Browsers whose owner may change: bare anonymousIds. */
  anons: Set<string>;
  leads: Map<number, LockedLead>;
  /** Taken after the locks, ms. */
  now: number;
}

const nobodyNear: Neighbourhood = { places: new Map(), links: [], aparts: [] };

/**
 * Looks, locks, and looks again where somebody's identity changes. Without a change the versions read in one snapshot tell
 * whether the answer still holds; with one, everything is read anew under the locks, and the batch repeats if that shows
 * leads that are not locked.
 */
export async function openScope(input: StepInput): Promise<Scope> {
  const { client, fresh, question } = input;
  const guess = await readJudged(client, question);
  const change = identityChange(fresh, guess);
  const keys = new Set(change.keys);
  for (const event of [...fresh, ...guess.facts]) {
    const key = isFact(event) ? primaryKeyOf(event) : undefined;
    if (key !== undefined) keys.add(key);
  }
  const places = input.places ?? emptyPlaces();
  await readUnread(client, places, keys);
  return changesNothing(change) && guess.facts.length === 0
    ? lockOwners(input, keys, places, guess, change)
    : lockNeighbourhood(input, keys, places, guess, change);
}

/** Nobody's identity changes: the owners are locked as they were read, and new keys get leads of their own. */
async function lockOwners(
  input: StepInput,
  keys: ReadonlySet<SubjectKey>,
  places: KeyPlaces,
  judged: Judged,
  change: IdentityChange,
): Promise<Scope> {
  const { client, fresh } = input;
  const missing = missingFrom(places, keys);
  if (missing.length > 0) {
    addMinted(places, await mintUnborn(client, missing));
    // what another batch has minted meanwhile is visible only to a new statement
    const others = missingFrom(places, keys);
    if (others.length > 0) addPlaces(places, await readPlaces(client, others));
  }
  const versions = rootsWithVersions(fresh, places);
  const [leads, now] = await Promise.all([
    lockLeads(
      client,
      [...versions.keys()].filter((id) => !places.minted.has(id)),
    ),
    dateBatch(client, input.batch, input.rulebook.version),
  ]);
  // a key was minted because a fresh fact is its own, so each of these leads is written
  for (const id of places.minted) leads.set(id, newLead(id));
  for (const [id, version] of versions) {
    const lead = leads.get(id);
    if (!lead || lead.mergedInto !== null) throw new RepeatBatch('merged');
    if (lead.version !== version) throw new RepeatBatch('version');
  }
  const rejoined = rejoin(nobodyNear, change, input.context.settings.keyLimit);
  return { judged, change, places, rejoined, anons: new Set(), leads, now };
}

async function lockNeighbourhood(
  input: StepInput,
  keys: ReadonlySet<SubjectKey>,
  places: KeyPlaces,
  guess: Judged,
  guessed: IdentityChange,
): Promise<Scope> {
  const { client, fresh, question } = input;
  const { settings } = input.context;
  const [, , before] = await Promise.all([
    mintKeys(client, missingFrom(places, keys)),
    lockBrowsers(client, guessed.browsers.keys()),
    readAround(client, guessed, keys, settings),
  ]);
  const wanted = new Set([
    ...rootsTouched(before.places, before.near, before.anons, guessed),
    ...rootsWithVersions([...fresh, ...guess.facts], before.places).keys(),
  ]);
  const locking = lockLeads(client, wanted);
  client.later(locking);
  const judged = await readJudged(client, question);
  const change = identityChange(fresh, judged);
  if ([...change.keys].some((key) => !keys.has(key))) throw new RepeatBatch('more-leads');
  const [leads, around, now] = await Promise.all([
    locking,
    readAround(client, change, keys, settings),
    dateBatch(client, input.batch, input.rulebook.version),
  ]);
  const needed = new Set([
    ...rootsTouched(around.places, around.near, around.anons, change),
    ...rootsWithVersions([...fresh, ...judged.facts], around.places).keys(),
  ]);
  for (const id of needed) if (!leads.has(id)) throw new RepeatBatch('more-leads');
  for (const [id, lead] of leads) if (lead.mergedInto !== null) needed.has(id) ? raise() : leads.delete(id);
  return { judged, change, leads, now, ...around };
}

function raise(): never {
  throw new RepeatBatch('merged');
}

const missingFrom = ({ places }: KeyPlaces, keys: ReadonlySet<SubjectKey>): SubjectKey[] =>
  [...keys].filter((key) => !places.has(key));

/** That what was not asked for at first is of a later snapshot does no harm: versions are checked under the locks, key by key. */
async function readUnread(client: Queryable, places: KeyPlaces, keys: ReadonlySet<SubjectKey>): Promise<void> {
  const unread = [...keys].filter((key) => !places.asked.has(key));
  if (unread.length > 0) addPlaces(places, await readPlaces(client, unread));
}

function addPlaces(to: KeyPlaces, more: KeyPlaces): void {
  for (const [key, place] of more.places) to.places.set(key, place);
  for (const [anon, timeline] of more.timelines) to.timelines.set(anon, timeline);
  for (const key of more.asked) to.asked.add(key);
}

/** In new statements: what this batch and others have minted meanwhile is among it. */
async function readAround(
  client: Queryable,
  change: IdentityChange,
  keys: ReadonlySet<SubjectKey>,
  { keyLimit, browserLimit }: ProjectionSettings,
): Promise<Pick<Scope, 'places' | 'rejoined' | 'anons'> & { near: Neighbourhood }> {
  const [places, near, crowds] = await Promise.all([
    readPlaces(client, [...keys]),
    readNeighbourhood(client, [...change.linkedKeys]),
    readCrowds(client, crowdQuestion(change), browserLimit),
  ]);
  await addCrowds(client, places, crowds, change, browserLimit);
  const rejoined = rejoin(near, change, keyLimit);
  const anons = new Set(change.browsers.keys());
  const reshaped = rejoined.groups.filter(
    (group) => group.oldRoots.length > 1 || group.oldRoots.some((old) => old !== group.root || rejoined.split.has(old)),
  );
  const reshapedKeys = new Set(reshaped.flatMap((group) => group.keys));
  const followers = (await browsersOf(client, [...reshapedKeys])).filter((anon) => !places.timelines.has(anon));
  for (const [key, place] of near.places) places.places.set(key, place);
  if (followers.length > 0)
    addPlaces(
      places,
      await readPlaces(
        client,
        followers.map((anon) => `a:${anon}`),
      ),
    );
  for (const [anon, timeline] of places.timelines)
    if (timeline.rows.some((row) => reshapedKeys.has(row.strong))) anons.add(anon);
  return { places, near, rejoined, anons };
}

/** Who comes to a browser that is nobody's changes nothing: only where somebody may go, those who stay are counted. */
function crowdQuestion({ browsers }: IdentityChange): CrowdQuestion {
  const leaving = [...browsers].filter(([, { gone }]) => gone.size > 0);
  return {
    browsers: [...browsers.keys()],
    counting: leaving.map(([anon]) => anon),
    gone: leaving.flatMap(([, { gone }]) => [...gone]),
  };
}

/** Of a browser that is nobody's, its people are read only if they are few enough once this batch's events have gone and come. */
async function addCrowds(
  client: Queryable,
  { timelines }: KeyPlaces,
  crowds: readonly Crowd[],
  change: IdentityChange,
  browserLimit: number,
): Promise<void> {
  const few: string[] = [];
  for (const { anon, left } of crowds) {
    timelines.get(anon)!.crowd = {};
    const added = change.browsers.get(anon)!.added.map(({ strong }) => strong);
    if (left && !tooManyPeople([...left, ...added], browserLimit)) few.push(anon);
  }
  for (const anon of few) timelines.get(anon)!.crowd = { said: [] };
  for (const { anon, owner, ...row } of await readSkipped(client, few)) {
    const timeline = timelines.get(anon)!;
    timeline.crowd!.said!.push(row);
    timeline.owners.push(owner);
  }
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
