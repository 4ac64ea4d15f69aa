import { isDeepStrictEqual } from 'node:util';
import type { LeadMemory, LeadState } from '#libs/leads/domain';
import type { Rulebook } from '../projection-context.js';

/** One value of a lead that is stored otherwise than the events give it; undefined where there is none. */
export interface CellDifference {
  /** `profile.company.name`, `counters.viewed-pricing.2026-06-10`, `memory.epoch` */
  cell: string;
  stored: unknown;
  refolded: unknown;
}

export interface Derived {
  state: LeadState;
  memory: LeadMemory | undefined;
}

const dayMs = 86_400_000;
const dateOf = (day: string): string => new Date(Number(day) * dayMs).toISOString().slice(0, 10);

export function cellDifferences(stored: Derived, refolded: Derived, rulebook: Rulebook): CellDifference[] {
  const left = cellsOf(stored, rulebook);
  const right = cellsOf(refolded, rulebook);
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((cell) => !isDeepStrictEqual(left.get(cell), right.get(cell)))
    .sort()
    .map((cell) => ({ cell, stored: left.get(cell), refolded: right.get(cell) }));
}

function cellsOf({ state, memory }: Derived, rulebook: Rulebook): Map<string, unknown> {
  const cells = new Map<string, unknown>();
  const add = (prefix: string, values: object): void => {
    for (const [name, value] of Object.entries(values)) if (value !== undefined) cells.set(`${prefix}.${name}`, value);
  };
  add('profile', state.profile);
  add('consent', state.consent);
  for (const [hash, days] of Object.entries(state.counters)) {
    const signal = rulebook.signals.namesOf(hash)[0] ?? hash;
    for (const [day, counter] of Object.entries(days)) cells.set(`counters.${signal}.${dateOf(day)}`, counter);
  }
  add('state', { firstAt: state.firstAt, lastAt: state.lastAt });
  add('memory', memory ?? {});
  return cells;
}
