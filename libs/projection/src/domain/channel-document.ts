import { z } from 'zod';
import { conditionDefinition } from '#libs/leads/domain';

const name = z.string().regex(/^[a-z][a-z0-9-]{0,99}$/, 'must be lower-case letters, digits and hyphens');

/**
 * A way in which leads come: which ones by `when` (the first channel that holds is the lead's), what must be known of them
 * at the least, and by which frameworks they are qualified.
 */
export const channelDefinition = z.strictObject({
  name,
  label: z.strictObject({ ja: z.string().min(1).max(200), en: z.string().min(1).max(200) }).optional(),
  when: conditionDefinition,
  /** Attributes. */
  fields: z.array(z.string().min(1).max(100)).max(50).optional(),
  /** A consent that must have been given, by purpose. */
  consent: z.string().min(1).max(64).optional(),
  frameworks: z.array(z.string().min(1).max(40)).max(10).optional(),
});
export type ChannelDefinition = z.infer<typeof channelDefinition>;
