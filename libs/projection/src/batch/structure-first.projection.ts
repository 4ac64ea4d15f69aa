import { refoldLeads } from './refold.projection.js';
import { refoldTouched } from './touched.projection.js';
import { causeOf, nowOf, settle, withinLimit, type MadeDecision } from './settle.projection.js';
import type { Cause, Step } from './step.js';

const structural: readonly Cause[] = ['merge', 'unmerge', 'withdrawal'];

/**
 * One batch may hold an operator's merge and something that the same lead just did. What follows from the merge alone is
 * decided first, quietly and without the new events; what these then add is decided by the usual rules.
 */
export async function settleStructure(step: Step, made: MadeDecision[]): Promise<void> {
  const changed = [...step.causes]
    .filter(([id, causes]) => structural.some((cause) => causes.has(cause)) && stands(step, id))
    .map(([id]) => id);
  if (changed.length === 0) return;
  const withoutFresh = new Set(step.fresh.map((event) => event.id));
  const touched = changed.filter((id) => step.touched.has(id) && !step.refold.has(id));
  await refoldTouched(step, touched, withoutFresh);
  for (const id of touched) step.refoldedFirst.add(id);
  const refolded = await withinLimit(
    step,
    changed.filter((id) => step.refold.has(id)),
  );
  const states = await refoldLeads(step.client, refolded, step.rulebook, step.context, withoutFresh);
  for (const [id, { state }] of states) {
    step.leads.get(id)!.state = state;
    step.refold.delete(id);
    step.refoldedFirst.add(id);
  }
  for (const id of changed) {
    const lead = step.leads.get(id)!;
    if (lead.refoldPending) continue;
    settle(step, lead, causeOf(step.causes.get(id)), nowOf(step, lead), made);
    step.causes.delete(id);
    step.settledFirst.add(id);
  }
}

function stands(step: Step, id: number): boolean {
  const lead = step.leads.get(id);
  return lead !== undefined && lead.mergedInto === null && !lead.mixed && !lead.refoldPending;
}
