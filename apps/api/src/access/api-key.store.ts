import { createHash, randomBytes } from 'node:crypto';
import { advisoryLocks, audit, DomainError, inTransaction, newId, type Pool, type Queryable } from '#libs/platform';
import type { Role } from './allow.decorator.js';

export interface Caller {
  keyId: string;
  name: string;
  role: Role;
}

export interface ApiKeyRow {
  id: string;
  name: string;
  role: Role;
  hint: string;
  createdAt: Date;
  revokedAt: Date | null;
}

const hashOf = (key: string) => createHash('sha256').update(key).digest('hex');

/** `lfk_` and 32 random bytes. Stored hashed (S8); this is the only time it is seen. */
export const newApiKey = () => `lfk_${randomBytes(32).toString('base64url')}`;

const knownForMs = 1_000;
const mostKnown = 1_000;
const known = new WeakMap<Queryable, Map<string, { caller: Caller; until: number }>>();

/**
 * Whose key it is. Asked of the database once a second: a key that another process revokes is good for so long, one that
 * this process revokes not at all. Keys that nobody has are asked for every time.
 */
export async function findCaller(db: Queryable, key: string): Promise<Caller | undefined> {
  const hash = hashOf(key);
  const now = performance.now();
  const callers = known.get(db) ?? new Map<string, { caller: Caller; until: number }>();
  known.set(db, callers);
  const before = callers.get(hash);
  if (before && before.until > now) return before.caller;
  const found = await db.query<Caller>({
    name: 'api-key-find',
    text: 'select id as "keyId", name, role from api_key where hash = $1 and revoked_at is null',
    values: [hash],
  });
  const caller = found.rows[0];
  // an answer from before a revocation, which has put a new map in this one's place, is kept where nobody looks
  if (callers.size >= mostKnown) callers.clear();
  if (caller) callers.set(hash, { caller, until: now + knownForMs });
  else callers.delete(hash);
  return caller;
}

export async function createApiKey(
  pool: Pool,
  input: { name: string; role: Role; actor: string; key?: string },
): Promise<{ id: string; key: string; hint: string }> {
  const key = input.key ?? newApiKey();
  const id = newId();
  const hint = key.slice(-4);
  await inTransaction(pool, async (client) => {
    await client.query('insert into api_key (id, hash, hint, name, role) values ($1, $2, $3, $4, $5)', [
      id,
      hashOf(key),
      hint,
      input.name,
      input.role,
    ]);
    await audit(client, {
      actor: input.actor,
      action: 'api-key.create',
      target: id,
      details: { name: input.name, role: input.role },
    });
  });
  return { id, key, hint };
}

export async function revokeApiKey(pool: Pool, id: string, actor: string): Promise<void> {
  await inTransaction(pool, async (client) => {
    // the last admin key would lock everybody out: serialise revocations and refuse it
    await client.query('select pg_advisory_xact_lock($1)', [advisoryLocks.apiKeys]);
    const key = await client.query<{ role: Role; last: boolean }>(
      `select role, role = 'admin' and (select count(*) from api_key where role = 'admin' and revoked_at is null) = 1 as last
       from api_key where id = $1 and revoked_at is null`,
      [id],
    );
    if (!key.rows[0]) throw new DomainError('api-key-unknown', 'No such key that is still valid.', { status: 404 });
    if (key.rows[0].last)
      throw new DomainError('last-admin-key', 'This is the last admin key. Make another one first.', { status: 409 });
    await client.query('update api_key set revoked_at = clock_timestamp() where id = $1', [id]);
    await audit(client, { actor, action: 'api-key.revoke', target: id });
  });
  known.delete(pool);
}

export async function listApiKeys(db: Queryable): Promise<ApiKeyRow[]> {
  const rows = await db.query<ApiKeyRow>(
    'select id, name, role, hint, created_at as "createdAt", revoked_at as "revokedAt" from api_key order by created_at, id',
  );
  return rows.rows;
}

/** Makes the first admin key, once per database however many processes start. Returns it to be printed, or undefined. */
export async function ensureFirstAdminKey(pool: Pool, given?: string): Promise<string | undefined> {
  return inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [advisoryLocks.apiKeys]);
    const any = await client.query("select 1 from api_key where role = 'admin' limit 1");
    if (any.rowCount) return undefined;
    const key = given ?? newApiKey();
    const id = newId();
    await client.query("insert into api_key (id, hash, hint, name, role) values ($1, $2, $3, 'first admin', 'admin')", [
      id,
      hashOf(key),
      key.slice(-4),
    ]);
    await audit(client, {
      actor: 'system',
      action: 'api-key.create',
      target: id,
      details: { name: 'first admin', role: 'admin' },
    });
    return given ? undefined : key;
  });
}
