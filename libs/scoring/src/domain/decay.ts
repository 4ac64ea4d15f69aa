/** Weights are integers in 10⁻⁹. */
export const one = 1_000_000_000;
const lastHalfLife = 31;
const tables = new Map<number, Float64Array>();

/**
 * The pinned table of one half-life: entry `a` is the integer nearest 10⁹ · 2^(−a / halfLife), ties up; past 31
 * half-lives the weight is 0.
 */
export function weightTable(halfLife: number): Float64Array {
  let table = tables.get(halfLife);
  if (!table) {
    table = Float64Array.from({ length: lastHalfLife * halfLife + 1 }, (_, age) => weight(age, halfLife));
    tables.set(halfLife, table);
  }
  return table;
}

function weight(age: number, halfLife: number): number {
  const near = one * 2 ** (-age / halfLife);
  const below = Math.floor(near);
  // far from a half the floating result cannot err; near it, whole numbers decide
  if (Math.abs(near - below - 0.5) > 1e-4) return Math.round(near);
  return reaches(2 * below + 1, age, halfLife) ? below + 1 : below;
}

/** 10⁹ · 2^(−age / halfLife) ≥ doubled / 2 */
const reaches = (doubled: number, age: number, halfLife: number): boolean =>
  (BigInt(doubled) ** BigInt(halfLife)) << BigInt(age) <= BigInt(2 * one) ** BigInt(halfLife);

/** Half up. `amount` is in tenths of a point times 10⁻⁹, below 2⁵³. */
export function toTenths(amount: number): number {
  const rest = amount % one;
  return (amount - rest) / one + (rest * 2 >= one ? 1 : 0);
}
