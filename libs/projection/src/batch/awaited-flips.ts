import { heldOf } from '../domain/index.js';
import type { LockedLead } from '../store/lead.store.js';
import type { Step } from './step.js';

type Looked = Pick<Step, 'awaited' | 'heldBefore' | 'rulebook'>;

/**
 * What held when each lead was last looked at, before anything touches it: no memory is kept of conditions that a scenario
 * awaits, because a look at a past instant tells the same again. Where it cannot be told, nothing is taken to have held.
 */
export function rememberHeld(step: Looked & Pick<Step, 'leads'>): void {
  if (!step.awaited) return;
  for (const { id, state, memory, lookedAt, ...lead } of step.leads.values())
    if (lookedAt !== null && !lead.refoldPending && !lead.mixed && lead.mergedInto === null)
      if (lead.rulebook === step.rulebook.version)
        step.heldBefore.set(id, heldOf(step.awaited, state, step.rulebook, memory, lookedAt));
}

/** The first awaited condition that holds now and did not, or the other way round. The run itself judges what it means. */
export function flippedOf(step: Looked, lead: LockedLead): string | undefined {
  const { id, state, memory, lookedAt } = lead;
  if (!step.awaited || lookedAt === null || lead.mergedInto !== null || lead.mixed) return undefined;
  const before = step.heldBefore.get(id) ?? '0'.repeat(step.awaited.names.length);
  const after = heldOf(step.awaited, state, step.rulebook, memory, lookedAt);
  return step.awaited.names.find((_, index) => before[index] !== after[index]);
}
