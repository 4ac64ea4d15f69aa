import { blankRecords, type StoredRecord } from '#libs/event-log';
import { decodeEvent } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { readErased } from '#libs/projection';
import { bytesMention, mentions } from './domain/index.js';
import type { Pending } from './erasure.store.js';

/** As raw records spell them: addresses, userIds with their space, and browsers that are this person's alone. */
const spelt = ({ person, emails }: Pending): string[] => [
  ...new Set([...person.keys.map((key) => key.slice(2)), ...emails]),
];

const holdsText = (bytes: string): string =>
  `exists (select 1 from unnest($1::text[]) as t(t) where position(lower(encode(convert_to(t.t, 'UTF8'), 'escape')) in lower(encode(${bytes}, 'escape'))) > 0)`;

/** Poison records of theirs. The row stays, without its content: what was quarantined keeps adding up. */
export async function blankQuarantine(db: Queryable, pending: Pending): Promise<number> {
  const names = spelt(pending);
  const found = await db.query<{ id: number; text: string; value: Buffer | null }>(
    `select id, coalesce(convert_from(record_key, 'UTF8'), '') || ' ' || headers::text || ' ' || detail as text, value from quarantine
     where status <> 'erased' and (${holdsText("coalesce(value, '')")} or ${holdsText("convert_to(headers::text || detail, 'UTF8') || coalesce(record_key, '')")})`,
    [names],
  );
  const theirs = found.rows.filter((row) => mentions(row.text, names) || bytesMention(row.value, names));
  const blanked = await db.query(
    `update quarantine set record_key = null, headers = '{}', value = null, detail = 'erased', status = 'erased', changed_at = leadfold_now()
     where id = any($1::bigint[])`,
    [theirs.map((row) => row.id)],
  );
  return blanked.rowCount ?? 0;
}

/** What an operator wrote about them. The database allows it only while this erasure is under way, and audits each row. */
export async function blankAudit(db: Queryable, id: string, pending: Pending): Promise<number> {
  const names = [...spelt(pending), ...pending.names];
  const found = await db.query<{ id: number; target: string; details: string }>(
    `select id, target, details::text as details from audit_log
     where exists (select 1 from unnest($1::text[]) as t(t) where position(lower(t.t) in lower(target || ' ' || details::text)) > 0)`,
    [names],
  );
  await db.query(`select set_config('leadfold.erasure', $1, true)`, [id]);
  let blanked = 0;
  for (const row of found.rows) {
    const inTarget = mentions(row.target, names);
    if (!inTarget && !mentions(row.details, names)) continue;
    await db.query(
      `update audit_log set details = jsonb_build_object('erasure', $2::text), target = case when $3 then 'erased' else target end where id = $1`,
      [row.id, id, inTarget],
    );
    blanked += 1;
  }
  return blanked;
}

/** The embedded log; in the full mode its table is empty, and Kafka's records end with their retention. */
export async function blankLog(db: Queryable, pending: Pending): Promise<number> {
  const names = spelt(pending);
  const erased = await readErased(db);
  const isTheirs = (record: StoredRecord): boolean => {
    const decoded = record.value && decodeEvent(record.headers, record.value.toString('utf8'));
    return decoded && decoded.ok ? erased.has(decoded.event) : bytesMention(record.value, names);
  };
  return blankRecords(db, [...names, ...pending.person.shared.map((part) => part.anon)], isTheirs);
}
