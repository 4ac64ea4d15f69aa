import { createPool, type Pool, type PoolOptions } from '#libs/platform';

/**
 * Every hot statement is a look-up by keys, prepared by name. Plans are made once and for all sizes, because one that was
 * made on empty tables would scan them for ever after: no scans of whole tables, no joins that read a whole side.
 */
const pinned = [
  'plan_cache_mode=force_generic_plan',
  'enable_seqscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'jit=off',
];

export function createProjectionPool(options: PoolOptions, onError: (error: Error) => void): Pool {
  const url = new URL(options.url);
  url.searchParams.set('options', pinned.map((setting) => `-c ${setting}`).join(' '));
  return createPool({ ...options, url: url.href }, onError);
}
