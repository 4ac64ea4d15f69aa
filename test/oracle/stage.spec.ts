import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nextStage, type Funnel, type Outcome } from '#libs/funnel/domain';
import { freshMemory, type LeadMemory } from '#libs/leads/domain';
import { naiveStage, type NaiveFunnel, type StageStep } from './naive-stage.js';

const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2_147_483_647);
const numRuns = Number(process.env['FC_RUNS'] ?? 3000);

const told: NaiveFunnel = {
  stages: [
    { name: 'visitor', outcomes: [] },
    { name: 'lead', outcomes: [] },
    { name: 'prospect', outcomes: ['accepted'] },
    { name: 'opportunity', outcomes: ['opportunity'] },
    { name: 'customer', outcomes: ['won'] },
  ],
  recycleTo: 'lead',
};
const funnel: Funnel = {
  stages: told.stages.map(({ name }) => ({ name, rule: { name }, when: undefined })),
  recycleTo: told.recycleTo,
};
for (const [index, { outcomes }] of told.stages.entries())
  Object.assign(funnel.stages[index]!.rule, { outcomes: [...outcomes] });

const histories: fc.Arbitrary<StageStep[]> = fc
  .array(
    fc.record({
      holds: fc.subarray(['lead', 'prospect', 'opportunity']),
      says: fc.option(fc.constantFrom('accepted', 'opportunity', 'won', 'lost', 'recycled', 'contacted'), {
        nil: undefined,
      }),
      withdraws: fc.option(fc.nat(), { nil: undefined, freq: 2 }),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map((steps) =>
    steps.map(({ holds, says, withdraws }, index): StageStep => ({
      holds,
      // one look for each: said in the look that withdraws another of its kind, it is not told apart from that one
      ...(withdraws === undefined || index === 0
        ? says === undefined
          ? {}
          : { says }
        : { withdraws: withdraws % index }),
    })),
  );

/** Look by look, as the projector has it: the memory of the last look, and what is still said. */
function remembered(steps: readonly StageStep[]): LeadMemory {
  let memory: LeadMemory = { ...freshMemory(), stage: told.stages[0]!.name };
  const gone = new Set<number>();
  for (const [number, { holds, withdraws }] of steps.entries()) {
    if (withdraws !== undefined) gone.add(withdraws);
    const said = steps
      .slice(0, number + 1)
      .flatMap(({ says }, at): Outcome[] =>
        says === undefined || gone.has(at) ? [] : [{ name: says, event: String(at).padStart(2, '0'), at }],
      );
    const move = nextStage(funnel, memory, {
      holds: ({ name }) => holds.includes(name),
      known: () => false,
      approvalOf: () => undefined,
      outcome: said.at(-1),
      // as the profile knows it: the latest of each kind
      stands: ({ outcome, at }) => said.some((one) => one.name === outcome && one.at >= at),
    });
    memory = { ...freshMemory(), stage: move.stage, blocked: [...move.blocked], moves: [...move.moves] };
    if (move.outcome !== undefined) memory.outcome = move.outcome;
  }
  return memory;
}

test('I9: whatever sales withdraws, a lead stands where it would stand if that had never been said', () => {
  let takenBack = 0;
  fc.assert(
    fc.property(histories, (steps) => {
      const { stage, blocked } = remembered(steps);
      expect({ stage, blocked }).toEqual(naiveStage(told, steps));
      if (
        stage !==
        naiveStage(
          told,
          steps.map(({ withdraws: _, ...step }) => step),
        ).stage
      )
        takenBack += 1;
    }),
    { seed, numRuns },
  );
  process.stdout.write(`seed ${seed}, ${numRuns} histories, ${takenBack} of which stand elsewhere for a withdrawal\n`);
  expect(takenBack).toBeGreaterThan(numRuns / 50);
});
