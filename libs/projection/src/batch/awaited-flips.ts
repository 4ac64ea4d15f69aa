import { membershipOf } from '#libs/leads/domain';
import { heldOf } from '../domain/index.js';
import type { LockedLead } from '../store/lead.store.js';
import type { Step } from './step.js';

type Looked = Pick<Step, 'awaited' | 'heldBefore' | 'companyBefore' | 'rulebook' | 'leads'>;

/** In place of what held of a lead whose state was made elsewhere: anything may have flipped. */
export const untold = '';

/**
 * What held when each lead was last looked at, before anything touches it: no memory is kept of conditions that a scenario
 * awaits, because a look at a past instant tells the same again. Where it cannot be told, nothing is taken to have held.
 */
export function rememberHeld(step: Looked): void {
  if (!step.awaited) return;
  for (const { id, state, memory, lookedAt, account, ...lead } of step.leads.values()) {
    if (lookedAt === null) continue;
    const stood = !lead.mixed && lead.mergedInto === null;
    step.companyBefore.set(id, stood ? account : undefined);
    if (step.heldBefore.has(id)) continue;
    if (stood && !lead.refoldPending && lead.rulebook === step.rulebook.version)
      step.heldBefore.set(id, heldOf(step.awaited, state, step.rulebook, memory, lookedAt));
  }
}

/** The first awaited condition that holds now and did not, or the other way round. The run itself judges what it means. */
export function flippedOf(step: Looked, lead: LockedLead, looked: boolean): string | undefined {
  if (!step.awaited || lead.lookedAt === null || lead.mixed) return undefined;
  // a missed review may have moved a lead on that nothing else touches
  const told = lead.mergedInto === null && (looked || step.heldBefore.has(lead.id));
  return (told ? flippedOfLead(step, step.awaited, lead) : undefined) ?? flippedByMove(step, step.awaited, lead);
}

function flippedOfLead(step: Looked, awaited: NonNullable<Step['awaited']>, lead: LockedLead): string | undefined {
  const { id, state, memory, lookedAt } = lead;
  const before = step.heldBefore.get(id) ?? '0'.repeat(awaited.names.length);
  const after = heldOf(awaited, state, step.rulebook, memory, lookedAt!);
  return awaited.names.find((_, index) => before[index] !== after[index]);
}

/** What is awaited of a company flips for a lead that comes to another one, or to none, although neither of them changes. */
function flippedByMove(
  { companyBefore, leads }: Looked,
  { ofCompanies }: NonNullable<Step['awaited']>,
  lead: LockedLead,
): string | undefined {
  if (!companyBefore.has(lead.id)) return undefined;
  const before = companyBefore.get(lead.id);
  const root = lead.mergedInto === null ? lead : leads.get(lead.mergedInto);
  // merged before and still: what its root is told, its runs are told
  if (!root || (root !== lead && before === undefined)) return undefined;
  return (membershipOf(root.state)?.account ?? null) === before ? undefined : ofCompanies.names[0];
}
