import { isKnown, type LeadMemory, type LeadState, type Locale } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { explainHeld, type HeldExplanation } from '../domain/index.js';
import type { ProjectionContext } from '../projection-context.js';
import { liveRulebook } from '../rulebook.store.js';

/** A move that waits now. */
export interface WaitingMove extends HeldExplanation {
  /** The decision that held it; with `since` the place in the list. */
  decision: string;
  lead: number;
  displayName: string | null;
  company: string | null;
  email: string | null;
}

interface Row {
  decision: string;
  at: number;
  stage: string;
  lead: number;
  displayName: string | null;
  company: string | null;
  email: string | null;
  state: LeadState;
  memory: LeadMemory;
}

export interface HeldMovesAsked {
  locale: Locale;
  limit: number;
  before?: { at: number; decision: string };
}

/** Every move forward that waits for fields or an approval, the newest first: of the records of held moves those still in force. */
export async function listHeldMoves(
  db: Queryable,
  context: ProjectionContext,
  { locale, limit, before }: HeldMovesAsked,
): Promise<{ moves: WaitingMove[]; next: { at: number; decision: string } | null }> {
  const rulebook = await liveRulebook(db, context.zone);
  const found = await db.query<Row>(
    `select e.id as decision, (extract(epoch from e.occurred_at) * 1000)::bigint as at, e.body->>'name' as stage, root.id as lead,
       k.display_name as "displayName", k.company, k.email, root.state, root.memory
     from event e
     join subject_key s on s.key = case when e.uid is not null then 'u:' || e.uid when e.email is not null then 'e:' || e.email else 'a:' || e.anon end
     join lead own on own.id = s.lead join lead root on root.id = coalesce(own.merged_into, own.id)
     left join lead_rank k on k.lead = root.id
     where e.kind = 'decision' and e.body->>'decision' = 'held'
       and exists (select 1 from json_array_elements(root.memory->'held') h
         where h->>'stage' = e.body->>'name' and (h->>'at')::bigint = (extract(epoch from e.occurred_at) * 1000)::bigint)
       and ($1::bigint is null or (e.occurred_at, e.id) < (to_timestamp($1 / 1000.0), $2::uuid))
     order by e.occurred_at desc, e.id desc limit $3`,
    [before?.at ?? null, before?.decision ?? null, limit + 1],
  );
  const shown = found.rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    moves: shown.flatMap(({ state, memory, stage, at: _, ...row }) => {
      const held = memory.held?.filter((move) => move.stage === stage) ?? [];
      const known = (attribute: string) => isKnown(state.profile[attribute]?.value);
      return explainHeld(held, rulebook, known, locale).map((told) => ({ ...row, ...told }));
    }),
    next: last && found.rows.length > limit ? { at: last.at, decision: last.decision } : null,
  };
}
