import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  canonicalJson,
  freshMemory,
  indexSignals,
  makeZone,
  membershipOf,
  type Condition,
  type LeadState,
} from '#libs/leads/domain';
import {
  awaitedIn,
  CompanyFacts,
  CompanyTallies,
  compileRulebook,
  explainAccount,
  heldOfCompany,
  joinMeasured,
  lookAtAccount,
  lookOf,
  lookOnce,
  measureMembers,
  type AccountLook,
  type AccountMember,
  type CompiledRulebook,
} from '#libs/projection/domain';
import { testRulebook } from '../projection/test-rulebook.js';
import { histories, testSignals } from './histories.js';
import { IncrementalFold } from './incremental-fold.js';
import { accountRule, naiveAccounts, type Company } from './naive-account.js';
import { naiveFold, type Leads } from './naive-fold.js';

const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2_147_483_647);
const numRuns = Number(process.env['FC_RUNS'] ?? 1000);
const dayMs = 86_400_000;
const document = testRulebook({
  account: accountRule,
  engagement: [
    { signal: 'viewed-product', points: 12, timesPerDay: 3, window: '9d' },
    { signal: 'visited', points: 8, halfLife: '5d' },
    { signal: 'sent-form', points: 30, window: '30d' },
    { signal: 'stayed', points: -6, halfLife: '2d' },
  ],
});
const index = indexSignals(testSignals);
const hashOf = (name: string): string => testSignals.find((signal) => signal.name === name)!.hash;

const withoutDay = ({ day: _, nextChangeAt: __, nameKey: ___, ...rest }: AccountLook): Company => rest;
const withoutPoints = ({ engagement: _, ...rest }: Company) => rest;

function companiesOf(leads: Leads): Map<string, AccountMember[]> {
  const members = new Map<string, AccountMember[]>();
  let lead = 0;
  for (const state of leads.values()) {
    const key = membershipOf(state)?.account;
    if (key !== undefined) members.set(key, [...(members.get(key) ?? []), { lead: (lead += 1), state }]);
  }
  return members;
}

/** As the comparison of rulebooks counts them: added up lead by lead, with nothing kept of any. */
function talliedTemperatures(leads: Leads, rulebook: CompiledRulebook, now: number): Record<string, string> {
  const tallies = new CompanyTallies(rulebook);
  for (const state of leads.values()) {
    const key = membershipOf(state)?.account;
    if (key !== undefined) lookOnce(state, rulebook, freshMemory(), now, (facts) => tallies.add(key, facts));
  }
  return Object.fromEntries(tallies.temperatures());
}

const cases = fc.record({ history: histories(24, 6), days: fc.integer({ min: -2, max: 40 }) });

test('I8: companies of shuffled, doubled and re-batched histories are what the raw events say, by hand', () => {
  const seen = { companies: 0, several: 0, together: 0, assigned: 0, reached: 0, capped: 0 };
  fc.assert(
    fc.property(cases, ({ history: { events, arrivals, zone: name, keyLimit, browserLimit }, days }) => {
      const zone = makeZone(name);
      const rulebook = compileRulebook(document, 1, zone);
      const now = Math.max(...events.map((event) => event.occurredAt)) + days * dayMs;
      const fold = new IncrementalFold(index, zone, keyLimit, browserLimit);
      for (const batch of arrivals) fold.apply(batch);
      const told = new Map(
        [...companiesOf(fold.leads())].map(([key, members]) => [
          key,
          withoutDay(lookAtAccount(members, rulebook, now)),
        ]),
      );
      expect(talliedTemperatures(fold.leads(), rulebook, now)).toEqual(
        Object.fromEntries([...told].map(([key, { temperature }]) => [key, temperature])),
      );
      const states: LeadState[] = [...naiveFold(events, testSignals, zone, { keyLimit, browserLimit }).values()];
      expect(sorted(told)).toEqual(sorted(naiveAccounts(states, document, hashOf, zone.localDay(now))));
      for (const [key, company] of told) {
        seen.companies += 1;
        if (company.members > 1) seen.several += 1;
        if (company.temperature === 'hot' && company.hotMembers === 0) seen.together += 1;
        if (key !== 'd:x.jp') seen.assigned += 1;
        if (company.reached) seen.reached += 1;
        if (company.engagement === 500) seen.capped += 1;
      }
    }),
    { seed, numRuns },
  );
  process.stdout.write(`seed ${seed}, ${numRuns} histories, ${JSON.stringify(seen)}\n`);
  for (const [what, times] of Object.entries(seen))
    expect({ what, seen: times > numRuns / 200 }).toEqual({ what, seen: true });
}, 120_000);

/** Every test there is, as a scenario may await them; of one company on one day all hold or do not, name by name. */
const awaitedLeaves: Condition[] = [
  { account: { temperature: 'hot' } },
  { account: { temperature: { atLeast: 'warm' } } },
  { account: { hottest: { atLeast: 'warm' } } },
  { account: { engagement: { gte: 20 } } },
  { account: { engagement: { lt: 45 }, members: { gte: 2 } } },
  { account: { engaged: { gte: 1 } } },
  { account: { engaged: { gte: 2 } } },
  { account: { roles: Object.keys(accountRule.roles ?? {})[0]! } },
  { account: { reached: true } },
  { account: { signal: 'viewed-product', within: '3d' } },
  { account: { signal: 'visited', within: '9d', people: { gte: 2 } } },
  { account: { signal: 'visited', within: '2w', count: { lt: 3 }, engaged: { eq: 1 } } },
];

test('no condition that a scenario awaits of a company flips before the company is looked at again', () => {
  let flips = 0;
  const listeners = awaitedLeaves.map((leaf) => `condition:${canonicalJson(leaf)}`);
  fc.assert(
    fc.property(cases, ({ history: { events, zone: name, keyLimit, browserLimit }, days }) => {
      const zone = makeZone(name);
      const rulebook = compileRulebook(document, 1, zone);
      const awaited = awaitedIn(listeners, rulebook)!.ofCompanies;
      expect(awaited.names.length).toBe(awaitedLeaves.length);
      const now = Math.max(...events.map((event) => event.occurredAt)) + days * dayMs;
      for (const members of companiesOf(naiveFold(events, testSignals, zone, { keyLimit, browserLimit })).values()) {
        const heldAt = (at: number) => heldOfCompany(awaited, new CompanyFacts(members, rulebook, at)).join();
        const { day: today, nextChangeAt } = lookOf(new CompanyFacts(members, rulebook, now), awaited.conditions);
        const held = heldAt(now);
        for (let day = today + 1; zone.dayStart(day) < nextChangeAt && day < today + 60; day += 1)
          expect([day - today, heldAt(zone.dayStart(day))]).toEqual([day - today, held]);
        if (heldAt(nextChangeAt) !== held) flips += 1;
      }
    }),
    { seed, numRuns: Math.ceil(numRuns / 2) },
  );
  process.stdout.write(`seed ${seed}, ${Math.ceil(numRuns / 2)} histories, ${flips} flips met\n`);
  expect(flips).toBeGreaterThan(numRuns / 100);
}, 120_000);

const sorted = (companies: Map<string, Company>) => [...companies].sort(([a], [b]) => (a < b ? -1 : 1));

test('the next change of a company is never late, and its explanation sums on every day', () => {
  let changes = 0;
  fc.assert(
    fc.property(cases, ({ history: { events, zone: name, keyLimit, browserLimit }, days }) => {
      const zone = makeZone(name);
      const rulebook = compileRulebook(document, 1, zone);
      const now = Math.max(...events.map((event) => event.occurredAt)) + days * dayMs;
      for (const members of companiesOf(naiveFold(events, testSignals, zone, { keyLimit, browserLimit })).values()) {
        const first = lookAtAccount(members, rulebook, now);
        const parts = members.map((member) => measureMembers([member], rulebook, now));
        expect(lookAtAccount(members, rulebook, now, joinMeasured(parts))).toEqual(first);
        const today = JSON.stringify(withoutPoints(withoutDay(first)));
        // by instants: a date that a zone skipped begins with the next one
        const before = (day: number): boolean => zone.dayStart(day) < first.nextChangeAt;
        for (let day = first.day + 1; before(day) && day < first.day + 60; day += 1) {
          const later = lookAtAccount(members, rulebook, zone.dayStart(day));
          expect([day - first.day, JSON.stringify(withoutPoints(withoutDay(later)))]).toEqual([day - first.day, today]);
        }
        const then = withoutPoints(withoutDay(lookAtAccount(members, rulebook, first.nextChangeAt)));
        if (JSON.stringify(then) !== today) changes += 1;
        const { lines, look } = explainAccount(members, rulebook, now, 'en');
        expect(lines.reduce((sum, { points }) => sum + points, 0)).toBe(look.engagement);
      }
    }),
    { seed, numRuns: Math.ceil(numRuns / 2) },
  );
  process.stdout.write(`seed ${seed}, ${Math.ceil(numRuns / 2)} histories, ${changes} changes met\n`);
  expect(changes).toBeGreaterThan(numRuns / 100);
}, 120_000);
