import { z } from 'zod';
import { conditionDefinition, frameworkDefinition, signalDefinition } from '#libs/leads/domain';
import { accountRule } from './account-document.js';
import { stageRule } from '#libs/funnel/domain';
import { engagementRule, fitRule, gradeThresholds, groupRule, scoreRule, warmthMatrix } from '#libs/scoring/domain';

import { channelDefinition } from './channel-document.js';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,99}$/, 'must be lower-case letters, digits and hyphens');
const label = z.strictObject({ ja: z.string().min(1).max(200), en: z.string().min(1).max(200) });
const named = <T extends z.ZodType>(of: T, most: number) =>
  z.record(name, of).refine((map) => Object.keys(map).length <= most, `holds more than ${most} entries`);

/** The whole of what is derived from events: one immutable, versioned document. */
export const rulebookDocument = z.strictObject({
  title: z.string().max(200).optional(),
  signals: named(signalDefinition, 500),
  /** What signals and named rules are called where people read them. */
  labels: named(label, 1000).optional(),
  engagement: z.array(engagementRule).max(1000),
  groups: named(groupRule, 100).optional(),
  fit: z.array(fitRule).max(1000),
  grades: gradeThresholds,
  score: scoreRule,
  /** What splits warm from cold: a condition, or grade × engagement. Exactly one of both. */
  warm: conditionDefinition.optional(),
  matrix: warmthMatrix.optional(),
  /** Arms a lead again that is not hot any more; without it every fall arms. */
  rearm: conditionDefinition.optional(),
  hot: named(conditionDefinition, 100),
  stages: z.array(stageRule).min(1).max(50),
  /** The stage at which a recycled lead goes on; the second one unless named. */
  recycleTo: z.string().optional(),
  segments: named(conditionDefinition, 500).optional(),
  /** Sets of questions by which leads are qualified. */
  frameworks: z.array(frameworkDefinition).max(50).optional(),
  /** How leads come in, in order of precedence. */
  channels: z.array(channelDefinition).max(50).optional(),
  account: accountRule.optional(),
});
export type RulebookDocument = z.infer<typeof rulebookDocument>;
