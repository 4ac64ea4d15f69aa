import { z } from 'zod';
import { conditionDefinition } from '#libs/leads/domain';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,99}$/, 'must be lower-case letters, digits and hyphens');
const host = z.string().regex(/^[^\s@/]{1,253}$/, 'must be a domain such as example.co.jp');
const cap = z.number().min(0).max(1_000_000).multipleOf(0.1);

/** What a rulebook says about companies: whose address names none, what counts together, and when one is warm or hot. */
export const accountRule = z.strictObject({
  /** Beside the shipped list of domains that anybody can have an address at. */
  domains: z
    .strictObject({
      personal: z.array(host).max(5000).optional(),
      /** Taken from the list: a customer of yours whose people write from there. */
      company: z.array(host).max(5000).optional(),
    })
    .optional(),
  /** The sum of its members' engagement scores, each bounded and weighed before, then bounded as a whole. */
  engagement: z
    .strictObject({
      perMember: cap.optional(),
      /** By role; a member of several roles counts with the greatest of them, one of none with 1. */
      weights: z.record(name, z.number().min(0).max(10).multipleOf(0.001)).optional(),
      cap: cap.optional(),
    })
    .optional(),
  /** When a member counts as engaged. */
  engaged: conditionDefinition,
  /** What each role is recognised by. */
  roles: z
    .record(name, conditionDefinition)
    .refine((map) => Object.keys(map).length <= 20, 'holds more than 20 entries')
    .optional(),
  /** The role that decides, and when one who has it counts as reached. */
  decisionMaker: name.optional(),
  reached: conditionDefinition.optional(),
  warm: conditionDefinition,
  hot: z.record(name, conditionDefinition).refine((map) => Object.keys(map).length <= 50, 'holds more than 50 entries'),
});
export type AccountRule = z.infer<typeof accountRule>;

/** Of a rulebook that says nothing about companies: the plain sum, as hot as the hottest of its members. */
export const plainAccountRule: AccountRule = {
  engaged: { engagement: { gt: 0 } },
  warm: { account: { hottest: { atLeast: 'warm' } } },
  hot: { 'a-member-is-hot': { account: { hottest: 'hot' } } },
};
