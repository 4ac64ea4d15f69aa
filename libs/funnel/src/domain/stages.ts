import { z } from 'zod';
import { conditionDefinition, type CompiledCondition, type LeadMemory } from '#libs/leads/domain';

const name = z.string().min(1).max(100);

export const stageRule = z.strictObject({
  name,
  label: z.strictObject({ ja: z.string().min(1).max(100), en: z.string().min(1).max(100) }).optional(),
  phase: z.enum(['TOFU', 'MOFU', 'BOFU']).optional(),
  /** Enters by itself while this holds. Without it, only an outcome of sales leads here. */
  when: conditionDefinition.optional(),
  /** Outcomes of sales that lead here at once, for example `opportunity`, `won`. */
  outcomes: z
    .array(z.enum(['contacted', 'accepted', 'rejected', 'meeting', 'opportunity', 'won']))
    .max(6)
    .optional(),
  /** false: a lead can only come from the stage right before. */
  skippable: z.boolean().optional(),
});
export type StageRule = z.infer<typeof stageRule>;

/** Where sales ends or returns a lead; legal moves from any stage, each with a reason. */
export const exits = ['lost', 'disqualified', 'recycled'] as const;
export type Exit = (typeof exits)[number];

export interface Stage {
  readonly name: string;
  readonly rule: StageRule;
  readonly when: CompiledCondition | undefined;
}

export interface Funnel {
  readonly stages: readonly Stage[];
  /** Where a recycled lead goes on. */
  readonly recycleTo: string;
}

export interface Outcome {
  name: string;
  /** Id of the event that stated it. */
  event: string;
}

export interface StageMove {
  stage: string | null;
  outcome: string | undefined;
  blocked: readonly string[];
}

const none: readonly string[] = [];

/**
 * Where a lead stands next. Conditions move forward only; an outcome of sales moves once, in any direction. A stage that
 * was left backwards is entered again by its condition only after that has ceased in between.
 */
export function nextStage(
  funnel: Funnel,
  memory: LeadMemory,
  holds: (stage: Stage) => boolean,
  outcome: Outcome | undefined,
): StageMove {
  const { stages } = funnel;
  let at = memory.stage;
  let blocked = memory.blocked?.filter((name) => stages.some((stage) => stage.name === name && holds(stage))) ?? none;
  if (outcome && outcome.event !== memory.outcome) {
    const target = targetOf(funnel, outcome.name);
    if (target !== undefined && target !== at) {
      const backwards = indexOf(stages, target) < indexOf(stages, at);
      if (backwards)
        blocked = stages
          .filter((stage, index) => index > indexOf(stages, target) && holds(stage))
          .map((stage) => stage.name);
      at = target;
    }
  }
  if (at === 'lost' || at === 'disqualified') return { stage: at, outcome: outcome?.event ?? memory.outcome, blocked };
  let index = indexOf(stages, at);
  for (let next = index + 1; next < stages.length; next += 1) {
    const stage = stages[next]!;
    const reachable = stage.rule.skippable !== false || next === index + 1;
    if (reachable && holds(stage) && !blocked.includes(stage.name)) index = next;
  }
  return { stage: index < 0 ? null : stages[index]!.name, outcome: outcome?.event ?? memory.outcome, blocked };
}

function targetOf(funnel: Funnel, outcome: string): string | undefined {
  if (outcome === 'lost' || outcome === 'disqualified') return outcome;
  if (outcome === 'recycled') return funnel.recycleTo;
  return funnel.stages.find((stage) => stage.rule.outcomes?.some((name) => name === outcome))?.name;
}

/** Lost and disqualified leads stand past every stage: leaving them is a move backwards. */
function indexOf(stages: readonly Stage[], name: string | null): number {
  if (name === 'lost' || name === 'disqualified') return stages.length;
  return stages.findIndex((stage) => stage.name === name);
}
