const firstMs = 2_000;
const longestMs = 10 * 60_000;

/** Wait before the attempt that follows attempt number `attempt` (from 1): 2 s, 4 s, 8 s … 10 min, minus up to a tenth that `seed` picks. */
export function backOffMs(attempt: number, seed: string): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, 20));
  let hash = 0;
  for (let i = 0; i < seed.length; i += 1) hash = (hash * 31 + seed.charCodeAt(i)) >>> 0;
  return Math.round(full * (1 - (hash % 1_000) / 10_000));
}
