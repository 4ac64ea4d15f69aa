import {
  apartOf,
  countedOf,
  identityOf,
  joinComponents,
  judge,
  soleOwner,
  type Identification,
  type Judgements,
  type Link,
  type LinkPair,
  type SubjectKey,
} from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import type { ProjectionSettings } from '../projection-context.js';
import { eventColumns, eventOf, type EventRow } from '../store/event.store.js';

/** Who is who, from `event` alone: what `link`, `apart`, `identification` and `lead.merged_into` must say. */
export interface DerivedIdentity {
  links: (Link & { batch: number; state: 'active' | 'skipped'; reason: string | null })[];
  aparts: (LinkPair & { event: string; at: number; batch: number })[];
  identifications: StatedIdentification[];
  /** Of browsers that too many people have identified. */
  skippedIdentifications: StatedIdentification[];
  /** Only rows that differ from their default: no root of its own, or mixed. */
  linkage: Map<number, { mergedInto: number | null; mixed: boolean }>;
}

export type StatedIdentification = Identification & { anon: string; batch: number };

/** `mint` is given every key that is named, before it is asked which lead was minted for it: each must have one. */
export async function deriveIdentity(
  db: Queryable,
  { keyLimit, browserLimit }: Pick<ProjectionSettings, 'keyLimit' | 'browserLimit'>,
  mint: (keys: Iterable<SubjectKey>) => Promise<unknown> = () => Promise.resolve(),
): Promise<DerivedIdentity> {
  const judgements = await allJudgements(db);
  const derived: DerivedIdentity = {
    ...{ links: [], aparts: [], identifications: [], skippedIdentifications: [] },
    linkage: new Map(),
  };
  const timelines = new Map<string, StatedIdentification[]>();
  const stating = await db.query<EventRow>(
    `select ${eventColumns} from event e where e.type in ('identify', 'alias', 'merge', 'apart')
      or (e.type = 'track' and (e.body->>'links' = 'true'
        or (e.body->>'name' = 'Email Clicked' and exists (select 1 from event v where v.refers_to = e.id and v.type = 'verdict'))))`,
  );
  for (const row of stating.rows) {
    const event = eventOf(row);
    if (judgements.withdrawn(event.id)) continue;
    const stamp = { event: event.id, at: event.occurredAt, batch: row.batch };
    const apart = apartOf(event);
    if (apart) derived.aparts.push({ ...apart, ...stamp });
    if (judgements.unmerged(event.id)) continue;
    const { link, identifications } = identityOf(event, judgements.verdictOf(event.id));
    if (link) derived.links.push({ ...link, ...stamp, state: 'active', reason: null });
    for (const { anon, strong } of identifications) {
      const rows = timelines.get(anon) ?? [];
      rows.push({ anon, strong, ...stamp });
      timelines.set(anon, rows);
    }
  }
  const linked = new Set(derived.links.flatMap((link) => [link.a, link.b]));
  const held = derived.aparts.flatMap((pair) => [pair.a, pair.b]);
  const identified = [...timelines.values()].flat();
  await mint([...linked, ...held, ...identified.flatMap(({ anon, strong }) => [`a:${anon}`, strong])]);
  const leadOf = await leadsByKey(db);
  const components = joinComponents(derived.links, derived.aparts, keyLimit);
  const reasons = new Map(components.skipped.map((link) => [link.event, link.reason]));
  for (const link of derived.links)
    if (reasons.has(link.event)) Object.assign(link, { state: 'skipped', reason: reasons.get(link.event) });
  const rootOf = (key: SubjectKey): number =>
    Math.min(...components.membersOf(key).map((member) => leadOf.get(member)!));
  for (const key of linked) {
    const [lead, root] = [leadOf.get(key)!, rootOf(key)];
    if (lead !== root) derived.linkage.set(lead, { mergedInto: root, mixed: false });
  }
  for (const [anon, said] of timelines) {
    const rows = countedOf(said, browserLimit);
    if (rows.length === 0) {
      derived.skippedIdentifications.push(...said);
      continue;
    }
    derived.identifications.push(...rows);
    const lead = leadOf.get(`a:${anon}`)!;
    const owner = soleOwner(rows, rootOf);
    derived.linkage.set(
      lead,
      owner === undefined ? { mergedInto: null, mixed: true } : { mergedInto: owner, mixed: false },
    );
  }
  return derived;
}

async function allJudgements(db: Queryable): Promise<Judgements> {
  const result = await db.query<EventRow>(
    `select ${eventColumns} from event e where e.refers_to is not null and e.kind in ('judgement', 'retraction')
      and not exists (select 1 from unapplied_judgement u where u.event = e.id)`,
  );
  return judge(result.rows.map(eventOf));
}

async function leadsByKey(db: Queryable): Promise<Map<SubjectKey, number>> {
  const result = await db.query<[string, number]>({ text: 'select key, lead from subject_key', rowMode: 'array' });
  return new Map(result.rows);
}
