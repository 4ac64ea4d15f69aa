import { z } from 'zod';

/** The document is checked by the rulebook's own validation, which names every path; here only its outer form is. */
export const rulebookInput = z
  .strictObject({
    document: z
      .union([z.string().min(1).max(900_000), z.record(z.string(), z.unknown())])
      .describe('The rulebook: YAML or JSON text, or the JSON itself. Schema: schemas/rulebook.schema.json'),
    note: z.string().max(1_000).default(''),
  })
  .meta({ id: 'RulebookInput' });
export type RulebookInput = z.infer<typeof rulebookInput>;

const fieldError = z.object({ path: z.string(), code: z.string(), message: z.string() });
export const rulebookVerdict = z
  .object({ valid: z.boolean(), errors: z.array(fieldError) })
  .meta({ id: 'RulebookVerdict' });

export const rulebookVersion = z
  .object({
    version: z.number(),
    note: z.string(),
    createdBy: z.string(),
    createdAt: z.iso.datetime(),
    publishedAt: z.iso.datetime().nullable(),
    live: z.boolean(),
  })
  .meta({ id: 'RulebookVersion' });

export const rulebookDetail = z
  .object({ version: z.number(), document: z.record(z.string(), z.unknown()) })
  .meta({ id: 'Rulebook' });

export const savedVersion = z.object({ version: z.number() }).meta({ id: 'SavedRulebookVersion' });

export const publishInput = z
  .strictObject({ version: z.int32().positive(), note: z.string().max(1_000).default('') })
  .meta({ id: 'PublishRulebook' });
export type PublishInput = z.infer<typeof publishInput>;
export const published = z
  .object({
    version: z.number(),
    note: z.string().describe('Leads are re-derived in the background, quietly: nothing is sent'),
  })
  .meta({ id: 'PublishedRulebook' });

const locale = z.enum(['ja', 'en']).default('en').describe('Language of the texts');
export const compareInput = z
  .union([
    rulebookInput.omit({ note: true }).extend({ locale }),
    z.strictObject({
      version: z.int32().positive().describe('A saved version: what publishing it would change'),
      locale,
    }),
  ])
  .meta({ id: 'CompareRulebook' });
export type CompareInput = z.infer<typeof compareInput>;

const standing = z.object({ score: z.number(), temperature: z.string(), stage: z.string().nullable() });
export const rulebookComparison = z
  .object({
    live: z.number().describe('The version compared with'),
    summary: z.string().describe('What would change, in one paragraph'),
    sentences: z.array(z.string()).describe('Its parts'),
    changes: z.array(z.object({ path: z.string(), kind: z.enum(['added', 'removed', 'changed']), text: z.string() })),
    effect: z.object({
      leads: z.number(),
      becomeHot: z.number(),
      stopBeingHot: z.number(),
      warmUp: z.number(),
      coolDown: z.number(),
      heldAlerts: z.number().describe('Alerts that publishing would hold back'),
      changeStage: z.number(),
      stageMoves: z.array(z.object({ from: z.string(), to: z.string(), leads: z.number() })),
      segments: z.array(z.object({ name: z.string(), enter: z.number(), leave: z.number() })),
      scoreUp: z.number(),
      scoreDown: z.number(),
      companies: z
        .object({
          all: z.number(),
          becomeHot: z.number(),
          stopBeingHot: z.number(),
          warmUp: z.number(),
          coolDown: z.number(),
        })
        .describe('The same counted over companies'),
      first: z
        .array(
          z.object({
            lead: z.number(),
            displayName: z.string().nullable(),
            company: z.string().nullable(),
            email: z.string().nullable(),
            text: z.string().describe('The move in words'),
            before: standing,
            after: standing.extend({ hotRules: z.array(z.string()) }),
          }),
        )
        .describe('The ten furthest moves, becoming hot before all others'),
    }),
    uncounted: z
      .array(z.string())
      .describe(
        'New or changed signals, and account.domains if it changes: their history is read once the draft is published',
      ),
    asOf: z.iso.datetime(),
    tookMs: z.number(),
  })
  .meta({ id: 'RulebookComparison' });
