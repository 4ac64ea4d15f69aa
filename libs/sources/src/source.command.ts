import { audit, DomainError, inTransaction, type Pool } from '#libs/platform';
import { sourceSettings, type SourceSettings } from './domain/index.js';
import { hashWriteKey, newWriteKey } from './write-key.js';

export interface NewSource {
  /** Stays for ever: the ids of a source's events are made from it. */
  id: string;
  name: string;
  /** userIds of sources with the same space mean the same people. */
  idSpace?: string;
  settings?: SourceSettings;
  actor: string;
}

const idPattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const ownSources = ['api', 'worker', 'projector', 'collector'];

export async function createSource(pool: Pool, source: NewSource): Promise<void> {
  const refuse = (path: string, detail: string) => new DomainError('bad-source', detail, { status: 422, path });
  if (!idPattern.test(source.id) || ownSources.includes(source.id))
    throw refuse(
      'id',
      'A source id is lower case letters, digits, dot, dash or underscore, and no name of our own parts.',
    );
  if (source.idSpace !== undefined && !idPattern.test(source.idSpace))
    throw refuse('idSpace', 'An id space is written like a source id.');
  const settings = sourceSettings.safeParse(source.settings ?? {});
  if (!settings.success)
    throw refuse(`settings.${settings.error.issues[0]?.path.join('.')}`, 'These settings are not valid.');
  await inTransaction(pool, async (client) => {
    const made = await client.query(
      'insert into source (id, name, id_space, settings) values ($1, $2, $3, $4) on conflict do nothing',
      [source.id, source.name, source.idSpace ?? 'main', JSON.stringify(settings.data)],
    );
    if (!made.rowCount)
      throw new DomainError('source-exists', 'A source with this id exists.', { status: 409, path: 'id' });
    await audit(client, {
      actor: source.actor,
      action: 'source.create',
      target: source.id,
      details: { name: source.name },
    });
  });
}

/** The key is in this answer and nowhere else. `key` takes over a key that pages in use already carry. */
export async function createWriteKey(
  pool: Pool,
  request: { source: string; actor: string; key?: string },
): Promise<{ key: string; hint: string }> {
  const key = request.key ?? newWriteKey();
  if (!/^[\x21-\x7e]{8,200}$/.test(key) || key.includes(':'))
    throw new DomainError('bad-write-key', 'A write key is 8 to 200 visible ASCII characters without colon.', {
      status: 422,
      path: 'key',
    });
  const hint = key.slice(-4);
  await inTransaction(pool, async (client) => {
    const known = await client.query('select 1 from source where id = $1 and revoked_at is null', [request.source]);
    if (!known.rowCount)
      throw new DomainError('source-unknown', 'There is no such source.', { status: 404, path: 'source' });
    const made = await client.query(
      'insert into write_key (hash, source, hint) values ($1, $2, $3) on conflict do nothing',
      [hashWriteKey(key), request.source, hint],
    );
    if (!made.rowCount)
      throw new DomainError('write-key-exists', 'This key is or was in use.', { status: 409, path: 'key' });
    await audit(client, {
      actor: request.actor,
      action: 'write-key.create',
      target: request.source,
      details: { hint },
    });
  });
  return { key, hint };
}

/** Takes a key, or its hash as lists show it. Collectors refuse it within seconds. False when no such key was live. */
export async function revokeWriteKey(pool: Pool, request: { key: string; actor: string }): Promise<boolean> {
  const hash = /^[0-9a-f]{64}$/.test(request.key) ? request.key : hashWriteKey(request.key);
  return inTransaction(pool, async (client) => {
    const revoked = await client.query<{ source: string; hint: string }>(
      'update write_key set revoked_at = clock_timestamp() where hash = $1 and revoked_at is null returning source, hint',
      [hash],
    );
    const row = revoked.rows[0];
    if (!row) return false;
    await audit(client, {
      actor: request.actor,
      action: 'write-key.revoke',
      target: row.source,
      details: { hint: row.hint },
    });
    return true;
  });
}
