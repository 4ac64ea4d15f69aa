import {
  apartOf,
  identityOf,
  isStrong,
  ownedIntervals,
  type EventType,
  type Identification,
  type LeadEvent,
  type SubjectKey,
} from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { plainArray, textArray } from '../store/arrays.js';
import { readLead, type LeadRef } from './lead.query.js';
import { readStating, type StatingEvents } from './stating-events.query.js';

/** Why what an event says about who is who does not hold. */
export type NotHeld = 'key-limit' | 'browser-limit' | 'apart' | 'unmerged' | 'withdrawn' | 'not-human';

export interface IdentityOfEvent {
  event: string;
  type: EventType;
  name: string | null;
  source: string;
  /** The operator, where one stated it, and why. */
  actor: string | null;
  reason: string | null;
  /** ms. */
  at: number;
  knownAt: number;
  /** Two strong keys, or a browser and a strong key. */
  a: SubjectKey;
  b: SubjectKey;
  state: 'active' | 'skipped' | 'withdrawn';
  because: NotHeld | null;
  /** The judgement that withdrew it. */
  judgedBy: { event: string; at: number; actor: string | null; reason: string | null } | null;
}

export interface IdentityGraph {
  lead: number;
  keys: SubjectKey[];
  mixed: boolean;
  /** Newest first; at most `shown` events. */
  links: IdentityOfEvent[];
  aparts: IdentityOfEvent[];
  browsers: {
    anonymousId: string;
    /** Who owns its anonymous events from when to when; no key where nobody has ever been identified, or too many were. */
    intervals: { from: number | null; until: number | null; key: SubjectKey | null; lead: number | null }[];
  }[];
  truncated: boolean;
}

const shown = 500;

/** Everything that makes this lead one person, everything that was said and does not hold, and why. */
export async function readIdentity(db: Queryable, ref: LeadRef): Promise<IdentityGraph | undefined> {
  const lead = await readLead(db, ref);
  if (!lead) return undefined;
  const own = lead.keys.slice(0, shown);
  const stating = await readStating(db, own, shown + 1);
  const ids = stating.events.map((event) => event.id);
  const reasons = new Map([...(await readSkippedLinks(db, ids)), ...(await readSkippedBrowsers(db, ids))]);
  const said = stating.events.slice(0, shown).flatMap((event) => saidBy(event, stating, reasons));
  const anons = new Set(own.filter((key) => !isStrong(key)).map((key) => key.slice(2)));
  for (const row of await browsersWith(db, own.filter(isStrong))) anons.add(row);
  return {
    lead: lead.id,
    keys: lead.keys,
    mixed: lead.mixed,
    links: said.filter((one) => one.type !== 'apart'),
    aparts: said.filter((one) => one.type === 'apart'),
    browsers: await readBrowsers(db, [...anons].sort().slice(0, shown)),
    truncated: stating.events.length > shown || lead.keys.length > shown || anons.size > shown,
  };
}

function saidBy(event: LeadEvent, stating: StatingEvents, reasons: ReadonlyMap<string, NotHeld>): IdentityOfEvent[] {
  const { judgements } = stating;
  // a click says nothing before it is judged human: shown all the same, with that reason
  const { link, identifications } = identityOf(event, 'human');
  const pairs = [
    ...(apartOf(event) ? [apartOf(event)!] : []),
    ...(link ? [link] : []),
    ...identifications.map(({ anon, strong }) => ({ a: `a:${anon}`, b: strong })),
  ];
  const because = notHeld(event, judgements);
  const judgedBy = because === null ? null : judgementOn(event, because, stating.judging);
  return pairs.map((pair): IdentityOfEvent => {
    const skipped = because === null && event.type !== 'apart' ? reasons.get(nameOf(event.id, pair.a)) : undefined;
    return {
      event: event.id,
      type: event.type,
      name: event.name ?? null,
      source: event.source,
      ...operatorOf(event),
      at: event.occurredAt,
      knownAt: stating.knownAt.get(event.id)!,
      ...pair,
      state: because !== null ? 'withdrawn' : skipped === undefined ? 'active' : 'skipped',
      because: because ?? skipped ?? null,
      judgedBy,
    };
  });
}

function notHeld(event: LeadEvent, judgements: StatingEvents['judgements']): NotHeld | null {
  if (judgements.withdrawn(event.id)) return 'withdrawn';
  if (event.type !== 'apart' && judgements.unmerged(event.id)) return 'unmerged';
  const { link, identifications } = identityOf(event, judgements.verdictOf(event.id));
  const says = link !== undefined || identifications.length > 0 || event.type === 'apart';
  return says ? null : 'not-human';
}

function judgementOn(event: LeadEvent, because: NotHeld, judging: readonly LeadEvent[]): IdentityOfEvent['judgedBy'] {
  const type = because === 'withdrawn' ? 'retraction' : because === 'unmerged' ? 'unmerge' : 'verdict';
  const found = judging.findLast((one) => one.refersTo === event.id && one.type === type);
  return found ? { event: found.id, at: found.occurredAt, ...operatorOf(found) } : null;
}

const operatorOf = ({ properties }: LeadEvent) => ({
  actor: text(properties['actor']),
  reason: text(properties['reason']),
});
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** An event states one link at the most, and may say who was on two browsers. */
const nameOf = (event: string, first: SubjectKey): string => (isStrong(first) ? event : `${event} ${first}`);

async function readSkippedLinks(db: Queryable, events: readonly string[]): Promise<Map<string, NotHeld>> {
  const result = await db.query<{ event: string; reason: NotHeld }>(
    `select event, reason from link where event = any($1::uuid[]) and state = 'skipped'`,
    [plainArray(events)],
  );
  return new Map(result.rows.map((row) => [row.event, row.reason]));
}

async function readSkippedBrowsers(db: Queryable, events: readonly string[]): Promise<Map<string, NotHeld>> {
  const result = await db.query<{ event: string; anon: string }>(
    'select event, anon from skipped_identification where event = any($1::uuid[])',
    [plainArray(events)],
  );
  return new Map(result.rows.map(({ event, anon }) => [nameOf(event, `a:${anon}`), 'browser-limit']));
}

async function browsersWith(db: Queryable, strong: readonly SubjectKey[]): Promise<string[]> {
  const result = await db.query<{ anon: string }>(
    `select anon from identification where strong = any($1::text[]) union select anon from skipped_identification
      where strong = any($1::text[]) order by anon limit ${shown + 1}`,
    [textArray(strong)],
  );
  return result.rows.map((row) => row.anon);
}

async function readBrowsers(db: Queryable, anons: readonly string[]): Promise<IdentityGraph['browsers']> {
  const result = await db.query<Identification & { anon: string; lead: number }>(
    `select i.anon, (extract(epoch from i.at) * 1000)::bigint as at, i.event, i.strong, coalesce(l.merged_into, l.id) as lead
      from identification i join subject_key s on s.key = i.strong join lead l on l.id = s.lead where i.anon = any($1::text[])`,
    [textArray(anons)],
  );
  const rows = new Map<string, (typeof result.rows)[number][]>();
  for (const row of result.rows) rows.set(row.anon, [...(rows.get(row.anon) ?? []), row]);
  const leadOf = new Map(result.rows.map((row) => [row.strong, row.lead]));
  const instant = (ms: number): number | null => (Number.isFinite(ms) ? ms : null);
  return anons.map((anonymousId) => ({
    anonymousId,
    intervals: ownedIntervals(rows.get(anonymousId) ?? [])
      .slice(0, shown)
      .map(({ from, until, owner }) => ({
        from: instant(from),
        until: instant(until),
        key: owner ?? null,
        lead: owner === undefined ? null : leadOf.get(owner)!,
      })),
  }));
}
