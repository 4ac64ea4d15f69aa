import { z } from 'zod';

export const scenarioName = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'has lower-case letters, digits and hyphens');

const document = z.record(z.string(), z.unknown());

/** The document is checked by the scenario's own validation, which names every path. */
export const scenarioInput = z
  .strictObject({
    document: z
      .union([z.string().min(1).max(500_000), document])
      .describe('YAML or JSON text, or the JSON itself. Schema: schemas/scenario.schema.json'),
  })
  .meta({ id: 'ScenarioInput' });
export type ScenarioInput = z.infer<typeof scenarioInput>;

export const activation = z
  .strictObject({ version: z.int32().positive().optional().describe('Default: the latest') })
  .meta({ id: 'ScenarioActivation' });
export type Activation = z.infer<typeof activation>;

export const scenarioRow = z
  .object({
    name: z.string(),
    activeVersion: z.number().nullable(),
    paused: z.boolean(),
    latestVersion: z.number(),
    document,
  })
  .meta({ id: 'Scenario' });
export const scenarioList = z.array(scenarioRow);
export const savedScenario = z.object({ name: z.string(), version: z.number() }).meta({ id: 'SavedVersion' });

const templateText = z.strictObject({ subject: z.string().min(1).max(300), mjml: z.string().min(1).max(500_000) });
export const templateInput = z
  .strictObject({
    name: scenarioName,
    texts: z.strictObject({ ja: templateText.optional(), en: templateText.optional() }),
  })
  .meta({ id: 'TemplateInput' });
export type TemplateInput = z.infer<typeof templateInput>;

const time = z.iso.datetime({ offset: true });
export const leadRuns = z
  .array(
    z.object({
      id: z.uuid(),
      scenario: z.string(),
      version: z.number(),
      state: z.enum(['active', 'completed', 'exited']),
      exitReason: z.string().nullable(),
      step: z.string(),
      dueAt: time.nullable(),
      enteredAt: time,
      endedAt: time.nullable(),
      log: z.array(z.object({ at: time, step: z.string(), effect: z.string(), reason: z.string().nullable() })),
      deliveries: z.array(
        z.object({
          id: z.uuid(),
          step: z.string(),
          state: z.string(),
          reason: z.string().nullable(),
          dueAt: time,
          endedAt: time.nullable(),
        }),
      ),
    }),
  )
  .meta({ id: 'LeadRuns' });
