import { Redis } from 'ioredis';
import { erasedHash } from '#libs/leads/domain';
import type { Pool } from '#libs/platform';
import type { LeadRef } from '#libs/projection';
import { ErasePerson, ErasePersonHandler, type ErasureProof, type ErasureRequest } from '#libs/privacy';
import type { Projecting } from '../projection/projecting.js';

export const embedded = { EVENT_LOG: 'postgres', EVENT_LOG_RETENTION_DAYS: 7 } as const;
export const asked: ErasureRequest = { requestedBy: 'person', reason: 'asked' };

export const erase = (projecting: Projecting, ref: LeadRef, pool: Pool = projecting.db.pool): Promise<ErasureProof> =>
  new ErasePersonHandler(pool, projecting.context, embedded).execute(new ErasePerson(ref, asked, 'operator:test'));

/** Every row of every table, as text; bytes in both of the ways in which they can hide a name. */
export async function dumpOf(pool: Pool): Promise<string[]> {
  const tables = await pool.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
     where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`,
  );
  const lines: string[] = [];
  for (const { name } of tables.rows) {
    const rows = await pool.query<{ row: string }>(`select row_to_json(t)::text as row from ${name} t`);
    lines.push(...rows.rows.map(({ row }) => `${name} ${row}`));
  }
  // bytea comes as \x…
  return lines.map((line) =>
    line.replace(/\\\\x([0-9a-f]*)/g, (_, hex: string) => `bytes ${Buffer.from(hex, 'hex').toString('utf8')}`),
  );
}

/** Lines that hold one of these, with the name found, whatever the case. */
export const linesNaming = (lines: readonly string[], names: readonly string[]): string[] =>
  lines.flatMap((line) => {
    const found = names.filter((name) => line.toLowerCase().includes(name.toLowerCase()));
    return found.length > 0 ? [`${found.join(', ')} in ${line.slice(0, 300)}`] : [];
  });

/** I4, as counters and as SQL. */
export async function ingestSums(pool: Pool) {
  const result = await pool.query<Record<string, number>>(
    `select sum(consumed)::int as consumed, sum(stored)::int as stored, sum(quarantined)::int as quarantined, sum(duplicates)::int as duplicates,
       sum(dropped)::int as dropped, (select count(*)::int from event where kind <> 'decision') as "inEvent",
       (select count(*)::int from quarantine) as "inQuarantine",
       (select coalesce(sum((removed ->> 'facts')::int), 0)::int from erasure) as "erasedFacts" from partition_offset`,
  );
  return result.rows[0]!;
}

export const hashesOf = (keys: readonly string[]): string[] => keys.map(erasedHash);

/** Every key of a queue with its value, whatever its type. */
export async function dumpOfRedis(url: string, prefix: string): Promise<string[]> {
  const redis = new Redis(url);
  try {
    const lines: string[] = [];
    for (const key of await redis.keys(`${prefix}*`)) {
      const read: Record<string, () => Promise<unknown>> = {
        string: () => redis.get(key),
        hash: (): Promise<unknown> => redis.hgetall(key),
        list: () => redis.lrange(key, 0, -1),
        set: () => redis.smembers(key),
        zset: () => redis.zrange(key, '0', '-1'),
        stream: () => redis.xrange(key, '-', '+'),
      };
      lines.push(`redis ${key} ${JSON.stringify(await read[await redis.type(key)]?.())}`);
    }
    return lines;
  } finally {
    await redis.quit();
  }
}
