import { z } from 'zod';
import { accountKeyOf } from '#libs/leads/domain';
import { after } from '../http/after.js';
import { pageOf, pageQuery } from '../http/paging.js';
import { timelineEntry } from '../leads/leads.dto.js';

const points = z.number().describe('Points, one decimal');
const temperature = z.enum(['hot', 'warm', 'cold']);
const locale = z.enum(['ja', 'en']).default('en').describe('Language of the texts');

const wrong = 'must be d:<domain> such as d:example.co.jp, or n:<company name>, of a company';
const writtenKey = z
  .string()
  .max(300)
  .refine((text) => accountKeyOf(text) !== undefined, wrong);

/** As people write it; `d:www.example.co.jp` and `d:example.co.jp` are one. */
export const accountRef = writtenKey
  .transform((text) => accountKeyOf(text)!)
  .describe('`d:<domain>`, or `n:<company name>` for a company without a domain of its own');

export const accountsQuery = z.object({
  temperature: temperature.optional(),
  q: z.string().trim().min(1).max(200).optional().describe('Part of a name or domain'),
  together: z.stringbool().default(false).describe('Only those that are hot though none of their leads is'),
  after,
  ...pageQuery,
});
export type AccountsQuery = z.infer<typeof accountsQuery>;

const standing = {
  account: z.string().describe('`d:<domain>` or `n:<company name key>`'),
  name: z.string().nullable(),
  temperature,
  engagement: points,
  members: z.number(),
  engaged: z.number().describe('Members that count as engaged'),
  hotMembers: z.number(),
  roles: z.array(z.string()).describe('Roles that are covered'),
  decisionMakerReached: z.boolean(),
  hotRules: z.array(z.string()),
};

export const accountRow = z.object(standing).meta({ id: 'AccountRow' });
export const accountPage = pageOf(accountRow).meta({ id: 'AccountPage' });

export const accountQuery = z.object({ after, locale });
export type AccountQuery = z.infer<typeof accountQuery>;

const person = z.object({
  id: z.number(),
  displayName: z.string().nullable(),
  email: z.string().nullable(),
  company: z.string().nullable(),
});
const condition = z.object({ text: z.string(), held: z.boolean(), actual: z.string().nullable() });
const rule = z.object({ name: z.string(), label: z.string(), held: z.boolean(), conditions: z.array(condition) });

export const accountDetail = z
  .object({
    ...standing,
    asOf: z.iso.datetime(),
    rulebook: z.number().describe('Version'),
    nextChangeAt: z.iso.datetime().describe('Never later than the first change, if nothing happens'),
    leads: z.array(
      person.extend({
        engagement: points,
        temperature,
        engaged: z.boolean(),
        roles: z.array(z.string()),
        reached: z.boolean().describe('Has the role that decides, and was reached'),
      }),
    ),
    lines: z
      .array(
        z.object({
          kind: z.enum(['member', 'cap']),
          lead: z.number().nullable(),
          points,
          engagement: points.nullable().describe('The member’s own engagement score'),
          capped: points.nullable().describe('Taken away because one member may not add more'),
          weighted: points.nullable().describe('Added or taken away by the weight of its role'),
        }),
      )
      .describe('They sum to the engagement, exactly'),
    roleCoverage: z.array(z.object({ name: z.string(), label: z.string(), leads: z.array(z.number()) })),
    decisionMaker: z.string().nullable().describe('The role that decides'),
    hot: z.array(rule).describe('Every hot rule; what is missing are the conditions that do not hold'),
    warm: rule,
    suggestions: z
      .object({
        leads: z.array(person).describe('Of no account yet, with a spelling of this company’s name'),
        accounts: z.array(z.object({ account: z.string(), name: z.string().nullable(), members: z.number() })),
      })
      .describe('For people to judge; nothing is joined by a name'),
  })
  .meta({ id: 'Account' });

export const accountTimelineQuery = z.object({ after, locale, ...pageQuery });
export type AccountTimelineQuery = z.infer<typeof accountTimelineQuery>;
export const accountTimelinePage = pageOf(
  timelineEntry.extend({ lead: z.number().describe('Whose it is') }).meta({ id: 'AccountTimelineEntry' }),
).meta({ id: 'AccountTimelinePage' });

export const assignmentBody = z
  .strictObject({
    account: writtenKey
      .nullable()
      .describe('`d:<domain>` or `n:<company name>`; null takes the assignment back and lets the address decide'),
    reason: z.string().min(1).max(500),
  })
  .meta({ id: 'AccountAssignment' });
export type AssignmentBody = z.infer<typeof assignmentBody>;
export const statedAssignment = z
  .object({ account: z.string().nullable(), eventId: z.uuid().describe('Wait for it with ?after=<eventId>') })
  .meta({ id: 'StatedAssignment' });
