import { deliveryKey, erasedHash, judgedKey, sieveOf, type SubjectKey } from '#libs/leads/domain';
import { databaseNow, newId, type Queryable } from '#libs/platform';
import type { LeadRef, Person } from '#libs/projection';
import type { ErasureProof, ErasureRequest } from './domain/index.js';

/** What an erasure under way still knows by name. */
export interface Pending {
  person: Person;
  emails: string[];
  /** Full names and telephone numbers, for what was written about the person in words. */
  names: string[];
  touchedKeys: SubjectKey[];
  touchedBrowsers: string[];
}

export interface OpenErasure {
  id: string;
  pending: Pending;
  removed: Record<string, number>;
  logUntil: Date;
}

/** A collector's clock may be ahead by this: what it stamps within it was received before. */
const clockSkewMs = 60_000;

export async function openErasure(
  db: Queryable,
  pending: Pending,
  { requestedBy, reason, reference }: ErasureRequest,
  logUntil: Date,
): Promise<string> {
  const id = newId();
  await db.query(
    `insert into erasure (id, requested_at, requested_by, reason, reference, leads, pending, log_until)
     values ($1, leadfold_now(), $2, $3, $4, $5, $6, $7)`,
    [id, requestedBy, reason, reference ?? null, pending.person.leads, JSON.stringify(pending), logUntil],
  );
  return id;
}

/** Whoever holds this row goes on with the erasure; a second one waits, and finds it done. */
export async function lockErasure(db: Queryable, id: string): Promise<OpenErasure | undefined> {
  const found = await db.query<OpenErasure>(
    `select id, pending, removed, log_until as "logUntil" from erasure where id = $1 and done_at is null for update`,
    [id],
  );
  return found.rows[0];
}

export async function saveErasure(db: Queryable, { id, pending, removed }: OpenErasure): Promise<void> {
  await db.query('update erasure set pending = $2, removed = $3 where id = $1', [
    id,
    JSON.stringify(pending),
    JSON.stringify(removed),
  ]);
}

export async function closeErasure(db: Queryable, { id, removed }: OpenErasure): Promise<void> {
  await db.query('update erasure set done_at = leadfold_now(), pending = null, removed = $2 where id = $1', [
    id,
    JSON.stringify(removed),
  ]);
}

export function addTo(removed: Record<string, number>, more: Record<string, number>): void {
  for (const [table, rows] of Object.entries(more)) removed[table] = (removed[table] ?? 0) + rows;
}

/** From now on the projector drops what these keys did until now. Written anew, they are read anew by every projector. */
export async function writeErasedKeys(db: Queryable, id: string, person: Person, logUntil: Date): Promise<void> {
  const before = new Date((await databaseNow(db)).getTime() + clockSkewMs);
  const time = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));
  const rows = [
    ...person.keys.map((key) => ({ key, from: null, until: null })),
    ...person.shared.map(({ anon, from, until }) => ({ key: `a:${anon}`, from: time(from), until: time(until) })),
  ];
  await db.query("delete from erased_key where erasure = $1 and received_before <> 'infinity'", [id]);
  await db.query(
    `insert into erased_key (erasure, hash, sieve, occurred_before, received_before, owned_from, owned_until)
     select $1, hash, sieve, $2, $3, owned_from, owned_until
     from unnest($4::text[], $5::timestamptz[], $6::timestamptz[], $7::int[]) as t(hash, owned_from, owned_until, sieve)`,
    [
      ...[id, before, new Date(Math.max(before.getTime(), logUntil.getTime()))],
      rows.map((row) => erasedHash(row.key)),
      rows.map((row) => row.from),
      rows.map((row) => row.until),
      rows.map((row) => sieveOf(row.key)),
    ],
  );
}

/** An old mail may be opened years later; ids of deliveries and of judged events are about nobody, and are kept. */
export async function writeErasedIds(
  db: Queryable,
  id: string,
  { deliveries = [], events = [] }: { deliveries?: string[]; events?: string[] },
): Promise<void> {
  const names = [...deliveries.map(deliveryKey), ...events.map(judgedKey)];
  if (names.length === 0) return;
  await db.query(
    `insert into erased_key (erasure, hash, sieve, occurred_before, received_before)
     select $1, hash, sieve, 'infinity', 'infinity' from unnest($2::text[], $3::int[]) as t(hash, sieve)`,
    [id, names.map(erasedHash), names.map(sieveOf)],
  );
}

/** One that is under way, else the latest: by a lead's id or one of its keys. */
export async function findErasure(db: Queryable, ref: LeadRef): Promise<{ id: string; done: boolean } | undefined> {
  const found = await db.query<{ id: string; done: boolean }>(
    'id' in ref
      ? `select id, done_at is not null as done from erasure where leads @> array[$1::bigint] order by done_at desc nulls first limit 1`
      : `select e.id, e.done_at is not null as done from erasure e where exists (select 1 from erased_key k where k.erasure = e.id and k.hash = $1)
         order by e.done_at desc nulls first limit 1`,
    ['id' in ref ? ref.id : erasedHash(ref.key)],
  );
  return found.rows[0];
}

const proofColumns = `e.id, case when e.done_at is null then 'under-way' else 'done' end as state, e.requested_at as "requestedAt",
  e.done_at as "doneAt", e.requested_by as "requestedBy", e.reason, e.reference, e.leads, e.removed, e.log_until as "logUntil",
  (select coalesce(array_agg(k.hash order by k.nr), '{}') from erased_key k where k.erasure = e.id and k.received_before <> 'infinity') as "keyHashes"`;

type ProofRow = Omit<ErasureProof, 'requestedAt' | 'doneAt' | 'logUntil' | 'leads'> & {
  requestedAt: Date;
  doneAt: Date | null;
  logUntil: Date;
  leads: string[];
};

const proofOf = (row: ProofRow): ErasureProof => ({
  ...row,
  requestedAt: row.requestedAt.toISOString(),
  doneAt: row.doneAt?.toISOString() ?? null,
  logUntil: row.logUntil.toISOString(),
  leads: row.leads.map(Number),
});

export async function readProof(db: Queryable, id: string): Promise<ErasureProof | undefined> {
  const found = await db.query<ProofRow>(`select ${proofColumns} from erasure e where e.id = $1`, [id]);
  return found.rows[0] && proofOf(found.rows[0]);
}

/** Newest first; ids grow with time. */
export async function listProofs(db: Queryable, before: string | null, limit: number): Promise<ErasureProof[]> {
  const found = await db.query<ProofRow>(
    `select ${proofColumns} from erasure e where $1::uuid is null or e.id < $1 order by e.id desc limit $2`,
    [before, limit],
  );
  return found.rows.map(proofOf);
}
