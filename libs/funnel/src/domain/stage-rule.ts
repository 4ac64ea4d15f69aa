import { z } from 'zod';
import { conditionDefinition } from '#libs/leads/domain';

const name = z.string().min(1).max(100);

export const approvers = ['sales', 'marketing'] as const;
export type Approver = (typeof approvers)[number];

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
  /** Attributes that must be known first: until then a move forward to this stage is held. */
  requires: z.array(name).min(1).max(30).optional(),
  /** Who must approve a move forward to this stage. What sales states itself needs no approval of sales. */
  approver: z.enum(approvers).optional(),
});
export type StageRule = z.infer<typeof stageRule>;

/** Where sales ends or returns a lead; legal moves from any stage, each with a reason. */
export const exits = ['lost', 'disqualified', 'recycled'] as const;
export type Exit = (typeof exits)[number];
