import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileCondition, freshMemory, makeZone, type LeadState } from '#libs/leads/domain';
import { weightTable } from '#libs/scoring/domain';
import {
  compileRulebook,
  exactNextChange,
  explain,
  factsOf,
  flatLines,
  look,
  type CompiledRulebook,
  type RulebookDocument,
} from '#libs/projection/domain';
import { derived, document, lead, now, stateOf, zones, type Lead } from './arbitrary-rulebooks.js';
import { NaiveLooker, weightOf } from './naive-look.js';

const seed = Number(process.env['FC_SEED'] ?? 20261121);
const many = Number(process.env['FC_RUNS'] ?? 600);
const leadIn = (zone: string) => lead.map((made) => ({ ...made, zone }));

const naive = (rulebook: CompiledRulebook, state: LeadState, at: number) => lookerOf(rulebook, state, at).look();
const lookerOf = (rulebook: CompiledRulebook, state: LeadState, at: number) =>
  new NaiveLooker(
    rulebook.document,
    (name) => rulebook.signalNames.get(name)!.hash,
    state,
    rulebook.zone.localDay(at),
    null,
  );
const compiled = (made: Lead, document: RulebookDocument) => compileRulebook(document, 1, makeZone(made.zone));
const decidedOn = ({ temperature, grade, band, stagesHeld, rearm, segments }: ReturnType<typeof naive>) =>
  JSON.stringify([temperature, grade, band, stagesHeld, rearm, segments]);

describe('I16: a look is a function of state, rulebook and day, and the compiled one equals the slow definition', () => {
  test('scores, grade, band, temperature, rules and segments agree', () => {
    fc.assert(
      fc.property(document, lead, fc.integer({ min: 0, max: 150 }), (document, made, later) => {
        const rulebook = compiled(made, document);
        const state = stateOf(made, rulebook);
        const at = now + later * 86_400_000;
        const { engagement, fit, score, grade, band, temperature, hotRules, segments, rearm } = look(
          state,
          rulebook,
          freshMemory(),
          at,
        );
        const { stagesHeld: _, ...expected } = naive(rulebook, state, at);
        expect({ engagement, fit, score, grade, band, temperature, hotRules, segments, rearm }).toEqual(expected);
      }),
      { seed, numRuns: many },
    );
  });

  test('the explanation sums exactly at both levels, and each line to its parts', () => {
    fc.assert(
      fc.property(document, lead, (document, made) => {
        const rulebook = compiled(made, document);
        const state = stateOf(made, rulebook);
        const told = explain(state, rulebook, freshMemory(), now, 'ja');
        const seen = naive(rulebook, state, now);
        const sum = (lines: { points: number }[]) => lines.reduce((total, line) => total + line.points, 0);
        expect([
          sum(told.engagement.lines),
          sum(told.fit.lines),
          sum(told.score.lines),
          sum(flatLines(told, rulebook)),
        ]).toEqual([seen.engagement, seen.fit, seen.score, seen.score]);
        for (const { kind, points, beforeDecay, decay, capped, expired } of told.engagement.lines)
          if (kind === 'signal') expect(beforeDecay! + decay! + capped! + expired!).toBe(points);
        expect(told.hot.filter((rule) => rule.held).map((rule) => rule.name)).toEqual(seen.hotRules);
      }),
      { seed, numRuns: Math.ceil(many / 2) },
    );
  });

  test.each(zones)(
    '%s: nothing decided on differs before nextChangeAt, and the exact change is where something does',
    (zone) => {
      fc.assert(
        fc.property(document, leadIn(zone), (document, made) => {
          const rulebook = compiled(made, document);
          const { zone } = rulebook;
          const state = stateOf(made, rulebook);
          const first = decidedOn(naive(rulebook, state, now));
          const seen = look(state, rulebook, freshMemory(), now);
          let change: number | undefined;
          for (let day = seen.day + 1; day <= seen.day + 400 && change === undefined; day += 1)
            if (decidedOn(naive(rulebook, state, zone.dayStart(day))) !== first) change = zone.dayStart(day);
          expect(seen.nextChangeAt).toBeLessThanOrEqual(change ?? zone.dayStart(seen.day + 400));
          expect(zone.dayStart(zone.localDay(seen.nextChangeAt))).toBe(seen.nextChangeAt);
          expect(seen.nextChangeAt).toBeGreaterThan(now);
          expect(exactNextChange(state, rulebook, freshMemory(), now)).toBe(change);
        }),
        { seed, numRuns: Math.ceil(many / 20) },
      );
    },
  );
});

describe('I16: what a scenario awaits is seen coming', () => {
  test.each(zones)('%s: no awaited condition flips before nextChangeAt', (zoneName) => {
    let flips = 0;
    fc.assert(
      fc.property(document, leadIn(zoneName), derived, (document, made, condition) => {
        const rulebook = compiled(made, document);
        const { zone } = rulebook;
        const state = stateOf(made, rulebook);
        const awaited = compileCondition(condition, rulebook.conditions);
        const { day, nextChangeAt } = look(state, rulebook, freshMemory(), now, [awaited]);
        const holdsOn = (at: number) => lookerOf(rulebook, state, at).holds(condition);
        const first = holdsOn(now);
        expect(awaited.evaluate(factsOf(state, rulebook, freshMemory(), now))).toBe(first);
        let flip: number | undefined;
        for (let ahead = day + 1; ahead <= day + 400 && flip === undefined; ahead += 1)
          if (holdsOn(zone.dayStart(ahead)) !== first) flip = zone.dayStart(ahead);
        if (flip !== undefined) flips += 1;
        expect(nextChangeAt).toBeLessThanOrEqual(flip ?? zone.dayStart(day + 400));
      }),
      { seed, numRuns: Math.ceil(many / 10) },
    );
    process.stdout.write(`I16 ${zoneName}: seed ${seed}, ${Math.ceil(many / 10)} cases, ${flips} flips met\n`);
    expect(flips).toBeGreaterThan(0);
  });
});

test('the weights are the nearest integers', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 90 }),
      fc.integer({ min: 0, max: 2900 }),
      (halfLife, age) => BigInt(weightTable(halfLife)[age] ?? 0) === weightOf(age, halfLife),
    ),
    { seed, numRuns: 300 },
  );
});
