import {
  canonicalLead,
  emailKey,
  anonKey,
  userKey,
  makeZone,
  type CompiledSignal,
  type JsonObject,
  type LeadEvent,
  type LeadState,
  type SubjectKey,
  type Zone,
} from '#libs/leads/domain';
import type { Pool } from '#libs/platform';
import { liveRulebook, presentKeys } from '#libs/projection';
import { naiveFold, type NaiveOptions } from '../../../test/oracle/naive-fold.js';
import type { Findings } from '../findings.js';

/** I9: every lead that is stored equals, byte for byte, what the slow definition makes of `event`. */
export async function verifyLeads(pool: Pool, limits: NaiveOptions, findings: Findings): Promise<number> {
  const zoneName =
    (await pool.query<{ name: string }>("select value #>> '{}' as name from setting where key = 'time-zone'")).rows[0]
      ?.name ?? 'Asia/Tokyo';
  const zone = makeZone(zoneName);
  const { signals } = await liveRulebook(pool, zone);
  const events = await readEvents(pool);
  const wanted = foldGroups(events, signals.all, zone, limits);
  const found = await storedLeads(pool);
  const missing = [...wanted].filter(([keys]) => !found.has(keys)).map(([keys]) => `missing: ${keys}`);
  const extra = [...found].filter(([keys]) => !wanted.has(keys)).map(([keys]) => `not in the events: ${keys}`);
  const different = [...wanted]
    .filter(([keys, text]) => found.has(keys) && found.get(keys) !== text)
    .map(([keys, text]) => `${keys}: ${firstDifference(text, found.get(keys)!)}`);
  findings.none(
    'I8, I9: every lead is byte-identical to the naive fold over event',
    [...different, ...missing, ...extra],
    `${wanted.size} leads of ${events.length} events`,
  );
  return wanted.size;
}

interface Row {
  id: string;
  type: LeadEvent['type'];
  source: string;
  anon: string | null;
  uid: string | null;
  email: string | null;
  at: number;
  refers_to: string | null;
  body: JsonObject;
}

async function readEvents(pool: Pool): Promise<LeadEvent[]> {
  const { rows } = await pool.query<Row>(
    `select id, type, source, anon, uid, email, (extract(epoch from occurred_at) * 1000)::bigint as at, refers_to, body
     from event where kind <> 'decision' order by id`,
  );
  return rows.map((row) => ({
    ...(row.body as unknown as LeadEvent),
    id: row.id,
    type: row.type,
    source: row.source,
    occurredAt: row.at,
    ...(row.anon === null ? {} : { anonymousId: row.anon }),
    ...(row.uid === null ? {} : { userId: row.uid }),
    ...(row.email === null ? {} : { email: row.email }),
    ...(row.refers_to === null ? {} : { refersTo: row.refers_to }),
  }));
}

/** The definition is quadratic and more: people who share no key, however far, are folded apart, which changes nothing. */
export function foldGroups(
  events: readonly LeadEvent[],
  signals: readonly CompiledSignal[],
  zone: Zone,
  limits: NaiveOptions,
): Map<string, string> {
  const parent = new Map<string, string>();
  const find = (name: string): string => {
    let root = name;
    while (parent.get(root) !== undefined && parent.get(root) !== root) root = parent.get(root)!;
    while (name !== root) [parent.set(name, root), (name = parent.get(name)!)];
    return root;
  };
  for (const event of events) {
    const [first, ...others] = namesIn(event);
    const root = find(first!);
    parent.set(root, root);
    for (const other of others) parent.set(find(other), root);
  }
  const groups = new Map<string, LeadEvent[]>();
  for (const event of events) {
    const group = find(`#${event.id}`);
    if (groups.get(group)?.push(event) === undefined) groups.set(group, [event]);
  }
  const leads = new Map<string, string>();
  for (const group of groups.values())
    for (const [keys, state] of naiveFold(group, signals, zone, limits)) leads.set(keys, canonicalLead([keys], state));
  return leads;
}

/** Everything through which two events can touch one lead. */
const namesIn = (event: LeadEvent): string[] => [
  `#${event.id}`,
  ...(event.refersTo ? [`#${event.refersTo}`] : []),
  ...(event.userId ? [userKey(event.userId)] : []),
  ...(event.email ? [emailKey(event.email)] : []),
  ...(event.anonymousId ? [anonKey(event.anonymousId)] : []),
  ...(event.otherKey ? [event.otherKey] : []),
];

async function storedLeads(pool: Pool): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ id: number; state: LeadState }>(
    'select id, state from lead where merged_into is null',
  );
  const keys: Map<number, SubjectKey[]> = await presentKeys(
    pool,
    rows.map((row) => row.id),
  );
  return new Map(
    rows.flatMap((row) => {
      const name = [...(keys.get(row.id) ?? [])].sort().join(' ');
      return name ? [[name, canonicalLead([name], row.state)] as const] : [];
    }),
  );
}

function firstDifference(wanted: string, found: string): string {
  let at = 0;
  while (wanted[at] === found[at]) at += 1;
  const around = (text: string): string => text.slice(Math.max(0, at - 60), at + 60);
  return `wanted …${around(wanted)}… but found …${around(found)}…`;
}
