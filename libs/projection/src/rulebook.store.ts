import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalJson, makeZone, type Zone } from '#libs/leads/domain';
import { advisoryLocks, audit, DomainError, inTransaction, type Pool, type Queryable } from '#libs/platform';
import {
  compileRulebook,
  parseRulebook,
  validateRulebook,
  type CompiledRulebook,
  type RulebookDocument,
} from './domain/index.js';

/** Advisory lock: a batch holds it shared, a publish exclusively, so that no batch folds under a rulebook just replaced. */
export const rulebookLock = advisoryLocks.rulebook;

export interface RulebookVersion {
  version: number;
  note: string;
  createdBy: string;
  createdAt: Date;
  /** The latest publish of this version, if there was one. */
  publishedAt: Date | null;
  live: boolean;
}

const compiled = new Map<string, CompiledRulebook>();

/** Versions are immutable, so each is compiled once per process; databases are told apart by the document. */
export async function readRulebook(db: Queryable, version: number, zone: Zone): Promise<CompiledRulebook> {
  return compileStored(version, await readDocument(db, version), zone);
}

function compileStored(version: number, stored: unknown, zone: Zone): CompiledRulebook {
  const key = `${version} ${zone.name} ${canonicalJson(stored)}`;
  let rulebook = compiled.get(key);
  if (!rulebook) {
    const parsed = validateRulebook(stored);
    if (parsed.errors)
      throw new DomainError('rulebook-unreadable', `rulebook version ${version} no longer passes validation`, {
        errors: parsed.errors,
      });
    rulebook = compileRulebook(parsed.document, version, zone);
    compiled.set(key, rulebook);
    for (const old of [...compiled.keys()].slice(0, -16)) compiled.delete(old);
  }
  return rulebook;
}

export async function readDocument(db: Queryable, version: number): Promise<RulebookDocument> {
  const found = await db.query<{ document: RulebookDocument }>(
    'select document from rulebook_version where version = $1',
    [version],
  );
  const row = found.rows[0];
  if (!row) throw new DomainError('rulebook-unknown', `there is no rulebook version ${version}`, { status: 404 });
  return row.document;
}

const live = new Map<string, CompiledRulebook>();

/** The rulebook that is live now. Its document is read once: a version never changes, and its time tells databases apart. */
export async function liveRulebook(db: Queryable, zone?: Zone): Promise<CompiledRulebook> {
  const found = await db.query<{ version: number; made: string; zone: string | null }>(
    `select v.version, v.created_at::text as made, (select value #>> '{}' from setting where key = 'time-zone') as zone
     from rulebook_publish p join rulebook_version v using (version) order by p.id desc limit 1`,
  );
  const row = found.rows[0];
  if (!row) throw new DomainError('rulebook-missing', 'no rulebook was published yet', { status: 503 });
  const at = zone ?? makeZone(row.zone ?? 'Asia/Tokyo');
  const key = `${row.version} ${row.made} ${at.name}`;
  const known = live.get(key);
  if (known) return known;
  const rulebook = await readRulebook(db, row.version, at);
  live.set(key, rulebook);
  for (const old of [...live.keys()].slice(0, -16)) live.delete(old);
  return rulebook;
}

export async function organisationZone(db: Queryable): Promise<Zone> {
  const found = await db.query<{ value: string }>(`select value from setting where key = 'time-zone'`);
  return makeZone(found.rows[0]?.value ?? 'Asia/Tokyo');
}

/** A new version; it changes nothing until it is published. */
export async function saveVersion(db: Pool, document: unknown, actor: string, note = ''): Promise<number> {
  const parsed = validateRulebook(document);
  if (parsed.errors)
    throw new DomainError('rulebook-invalid', 'the rulebook has errors', { status: 422, errors: parsed.errors });
  return inTransaction(db, async (client) => {
    await client.query('lock table rulebook_version in share row exclusive mode');
    const inserted = await client.query<{ version: number }>(
      `insert into rulebook_version (version, document, note, created_by)
       select coalesce(max(version), 0) + 1, $1, $2, $3 from rulebook_version returning version`,
      [JSON.stringify(parsed.document), note, actor],
    );
    const { version } = inserted.rows[0]!;
    await audit(client, { actor, action: 'rulebook.save', target: `rulebook ${version}`, details: { note } });
    return version;
  });
}

/** Makes a version live; an older one too, which reverts. Leads are re-derived afterwards, quietly. */
export async function publish(db: Pool, version: number, actor: string, note = ''): Promise<void> {
  await inTransaction(db, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [rulebookLock]);
    await readRulebook(client, version, await organisationZone(client));
    await client.query(
      'insert into rulebook_publish (version, published_by, note, known_at) values ($1, $2, $3, leadfold_now())',
      [version, actor, note],
    );
    await audit(client, { actor, action: 'rulebook.publish', target: `rulebook ${version}`, details: { note } });
  });
}

export async function versions(db: Queryable): Promise<RulebookVersion[]> {
  const found = await db.query<RulebookVersion>(
    `select v.version, v.note, v.created_by as "createdBy", v.created_at as "createdAt",
       (select max(p.known_at) from rulebook_publish p where p.version = v.version) as "publishedAt",
       v.version = (select version from rulebook_publish order by id desc limit 1) is true as live
     from rulebook_version v order by v.version desc`,
  );
  return found.rows;
}

/** Publishes the shipped rulebook if none was ever published. Any process may call it at start, all at once. */
export async function ensureDefaultRulebook(db: Pool): Promise<void> {
  const document = shippedRulebook();
  await inTransaction(db, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [rulebookLock]);
    const published = await client.query('select 1 from rulebook_publish limit 1');
    if (published.rowCount) return;
    await client.query('lock table rulebook_version in share row exclusive mode');
    const inserted = await client.query<{ version: number }>(
      `insert into rulebook_version (version, document, note, created_by)
       select coalesce(max(version), 0) + 1, $1, 'the shipped default', 'system' from rulebook_version returning version`,
      [JSON.stringify(document)],
    );
    await client.query(
      `insert into rulebook_publish (version, published_by, note, known_at) values ($1, 'system', 'the shipped default', leadfold_now())`,
      [inserted.rows[0]!.version],
    );
    await audit(client, {
      actor: 'system',
      action: 'rulebook.publish',
      target: `rulebook ${inserted.rows[0]!.version}`,
      details: { note: 'the shipped default' },
    });
  });
}

export function shippedRulebook(): RulebookDocument {
  const parsed = parseRulebook(fs.readFileSync(path.join(projectRoot(), 'rulebooks/default.yaml'), 'utf8'));
  if (parsed.errors)
    throw new DomainError('rulebook-invalid', 'rulebooks/default.yaml has errors', { errors: parsed.errors });
  return parsed.document;
}

/** Source and build lie at different depths, so the folder is found by what it holds. */
function projectRoot(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!fs.existsSync(path.join(folder, 'rulebooks/default.yaml'))) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error('rulebooks/default.yaml is missing beside the program');
    folder = parent;
  }
  return folder;
}
