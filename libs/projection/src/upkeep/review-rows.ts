import type { LeadMemory } from '#libs/leads/domain';
import { sameMemory } from '../batch/remember.js';
import type { MadeDecision } from '../batch/settle.projection.js';
import type { Step } from '../batch/step.js';
import type { RowWriter } from '../batch/write.projection.js';
import { foldsFor } from '../domain/index.js';
import { writeLeads, type LockedLead } from '../store/lead.store.js';
import { writeRanks } from '../store/rank.store.js';
import { moveRanks, showsTheSame, writeReviewed, type TakenLead } from '../store/review.store.js';

/** By lead, what it remembered. Only of those whose state the review will leave as it is. */
type Untouched = ReadonlyMap<number, { taken: TakenLead; memory: LeadMemory }>;

/** A state is touched by a review only where another rulebook counts other signals: one is dropped, or back-filled. */
export async function untouchedBy(step: Step, leads: readonly TakenLead[]): Promise<Untouched> {
  const live = new Set(step.rulebook.signalHashes);
  const untouched = new Map<number, { taken: TakenLead; memory: LeadMemory }>();
  for (const taken of leads) {
    const { id, rulebook, memory, state, mixed, refoldPending } = taken;
    if (mixed || refoldPending) continue;
    if (rulebook !== step.rulebook.version && rulebook !== 0) {
      if (!foldsFor(await step.context.rulebook(step.client, rulebook), step.rulebook)) continue;
      if (Object.keys(state.counters).some((hash) => !live.has(hash))) continue;
    }
    untouched.set(id, { taken, memory });
  }
  return untouched;
}

/** No stage has this name: a memory that only lacked the first stage is not the same. */
const noStage = '\0';

/** Rows as far as they change: of a state that is what it was nothing is sent, and of a rank what time moves. */
export function inPart(step: Step, untouched: Untouched, made: readonly MadeDecision[]): RowWriter {
  const decided = new Set(made.map(({ lead }) => lead));
  const memoryOf = (lead: LockedLead): LeadMemory | null =>
    decided.has(lead.id) || !sameMemory(untouched.get(lead.id)!.memory, lead.memory, noStage) ? lead.memory : null;
  return {
    async leads(client, leads) {
      const whole = leads.filter(({ id }) => !untouched.has(id));
      const part = leads.filter(({ id }) => untouched.has(id));
      await Promise.all([
        writeLeads(client, whole),
        writeReviewed(client, part, step.rulebook.version, part.map(memoryOf)),
      ]);
    },
    async ranks(client, rows) {
      const moved = rows.filter((row) => {
        const taken = untouched.get(row.lead)?.taken;
        return taken !== undefined && showsTheSame(taken, row);
      });
      const kept = new Set(moved);
      await Promise.all([
        moveRanks(client, moved),
        writeRanks(
          client,
          rows.filter((row) => !kept.has(row)),
        ),
      ]);
    },
  };
}
