import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from '#libs/platform';

/** A plan is kept for a connection's life: one made on empty tables must not read whole tables for ever after. */
export function pinned(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  const settings = ['enable_seqscan=off', 'enable_hashjoin=off', 'enable_mergejoin=off', 'jit=off'];
  // planned once, as the tests read the plans, and not again for each length of a list
  settings.push('plan_cache_mode=force_generic_plan');
  url.searchParams.set('options', settings.map((setting) => `-c ${setting}`).join(' '));
  return url.href;
}

type Query = (text: unknown, values?: unknown, ...rest: unknown[]) => unknown;
const nameOf = new Map<string, string>();

/**
 * Every statement with parameters is prepared once per connection, under a name made of its text: planning costs the
 * worker's statements more than running them. Their texts are few; past a bound no more are prepared.
 */
export function prepared(pool: Pool): Pool {
  pool.on('connect', (client: PoolClient) => {
    const query = client.query.bind(client) as Query;
    (client as unknown as { query: Query }).query = (text, values, ...rest) => {
      if (typeof text !== 'string' || !Array.isArray(values) || values.length === 0)
        return query(text, values, ...rest);
      const name = named(text);
      return name ? query({ name, text, values }, ...rest) : query(text, values, ...rest);
    };
  });
  return pool;
}

function named(text: string): string | undefined {
  const known = nameOf.get(text);
  if (known || nameOf.size >= 200) return known;
  const name = `leadfold-${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
  nameOf.set(text, name);
  return name;
}
