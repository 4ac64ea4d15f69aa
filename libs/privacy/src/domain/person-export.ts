import { z } from 'zod';

const instant = z.iso.datetime();
const points = z.number().describe('In points, to one tenth');
const stamped = { at: instant, event: z.string().describe('The event that said so') };
const condition = z.object({ text: z.string(), held: z.boolean() });

/** One person's data, whole: version 1 only ever gains fields. */
export const personExport = z
  .object({
    format: z.literal('leadfold-person'),
    version: z.literal(1),
    exportedAt: instant,
    lead: z.number().describe('The lead’s id in the system it comes from'),
    keys: z.array(z.string()).describe('u:<id space>:<userId>, e:<address>, a:<anonymousId>'),
    visitor: z.boolean().describe('Known by browsers only'),
    profile: z.record(z.string(), z.object({ value: z.unknown(), ...stamped })),
    consent: z.record(
      z.string(),
      z.object({ state: z.string(), basis: z.string().optional(), wording: z.string().optional(), ...stamped }),
    ),
    standing: z.object({
      rulebook: z.number(),
      stage: z.string().nullable(),
      temperature: z.string(),
      band: z.string(),
      grade: z.string(),
      segments: z.array(z.string()),
      hotUntil: instant.nullable(),
    }),
    score: z
      .object({
        total: points,
        lines: z.array(z.object({ kind: z.string(), label: z.string(), points })),
        engagement: z.array(z.object({ name: z.string(), label: z.string(), points, count: z.number().nullable() })),
        fit: z.array(condition.extend({ points })),
        hot: z.array(z.object({ name: z.string(), held: z.boolean(), conditions: z.array(condition) })),
      })
      .describe('At the time of the export, with the lines that sum to it'),
    account: z
      .object({ key: z.string(), name: z.string().nullable() })
      .nullable()
      .describe('The company that the person is counted with'),
    browsers: z.array(z.object({ browser: z.string(), identifiedAs: z.string(), ...stamped })),
    links: z.array(z.object({ a: z.string(), b: z.string(), state: z.string(), ...stamped })),
    suppressions: z.array(z.object({ address: z.string(), reason: z.string(), at: instant })),
    runs: z.array(
      z.object({
        id: z.string(),
        scenario: z.string(),
        version: z.number(),
        state: z.string(),
        exitReason: z.string().nullable(),
        enteredAt: instant,
        endedAt: instant.nullable(),
        log: z.array(z.object({ at: z.string(), step: z.string(), effect: z.string(), reason: z.string().nullable() })),
      }),
    ),
    deliveries: z.array(
      z.object({
        id: z.string(),
        purpose: z.string(),
        channel: z.string(),
        recipient: z.string().nullable(),
        state: z.string(),
        reason: z.string().nullable(),
        createdAt: instant,
        endedAt: instant.nullable(),
        content: z.record(z.string(), z.unknown()).describe('What the message was made of'),
      }),
    ),
    events: z
      .array(
        z.object({
          id: z.string(),
          kind: z
            .string()
            .describe('behaviour, identity, consent, outcome, or decision: what was decided about the person'),
          type: z.string(),
          source: z.string(),
          occurredAt: instant,
          receivedAt: instant,
          text: z.string().describe('The event in one line'),
          body: z.record(z.string(), z.unknown()).describe('As it was received; of a decision, what was decided'),
        }),
      )
      .describe('Newest first; outcomes that sales stated and decisions are among them'),
  })
  .meta({ id: 'PersonExport' });
export type PersonExport = z.infer<typeof personExport>;

export const personExportJsonSchema = (): Record<string, unknown> => ({
  ...z.toJSONSchema(personExport, { io: 'output', unrepresentable: 'any' }),
  $id: 'person-export.schema.json',
  title: 'Leadfold person export',
});
