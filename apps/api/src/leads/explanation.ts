import type { z } from 'zod';
import type { Explanation, HeldExplanation, RuleExplanation } from '#libs/projection';
import { iso, points } from './lead-ref.js';
import type { scoreExplanation } from './leads.dto.js';

/** Beside the numbers: whose explanation it is, and how it came to be. */
type Told = Pick<z.infer<typeof scoreExplanation>, 'lead' | 'keys' | 'knowledge' | 'facts' | 'epoch' | 'armed'>;

/** The explanation in points and ISO times, with three lines that sum to the score and each opening into its own. */
export function explanationOf(whose: Told, told: Explanation, now: number): z.infer<typeof scoreExplanation> {
  return {
    ...whose,
    asOf: iso(now),
    rulebook: told.rulebook,
    score: points(told.score.total),
    band: told.score.band,
    temperature: told.temperature,
    lines: told.score.lines.map((line) => ({ kind: line.kind, label: line.label, points: points(line.points) })),
    engagement: {
      total: points(told.engagement.total),
      lines: told.engagement.lines.map((line) => ({
        kind: line.kind,
        name: line.name,
        label: line.label,
        points: points(line.points),
        count: line.count ?? null,
        firstAt: line.firstAt === undefined ? null : iso(line.firstAt),
        lastAt: line.lastAt === undefined ? null : iso(line.lastAt),
        beforeDecay: line.beforeDecay === undefined ? null : points(line.beforeDecay),
        decay: line.decay === undefined ? null : points(line.decay),
        capped: line.capped === undefined ? null : points(line.capped),
        expired: line.expired === undefined ? null : points(line.expired),
        events: line.events ?? null,
      })),
    },
    fit: {
      total: points(told.fit.total),
      grade: told.fit.grade,
      lines: told.fit.lines.map(({ text, held, unknown, points: tenths, events }) => ({
        text,
        held,
        unknown,
        points: points(tenths),
        events,
      })),
    },
    hot: told.hot.map(ruleOf),
    warm: ruleOf(told.warm),
    matrix: told.matrix,
    stage: {
      ...told.stage,
      conditions: told.stage.conditions.map(ruleOf),
      held: told.stage.held.map(heldMoveOf),
    },
    hotUntil: told.hotUntil === null ? null : iso(told.hotUntil),
  };
}

export const heldMoveOf = ({ since, ...move }: HeldExplanation) => ({
  ...move,
  since: since === null ? null : iso(since),
});

const ruleOf = ({ name, label, held, lines }: RuleExplanation) => ({
  name,
  label,
  held,
  conditions: lines.map(({ text, held: lineHeld, unknown }) => ({ text, held: lineHeld, unknown })),
});
