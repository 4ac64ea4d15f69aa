import fc from 'fast-check';
import { emptyState, formatDay, type Condition, type LeadState } from '#libs/leads/domain';
import { validateRulebook, type CompiledRulebook, type RulebookDocument } from '#libs/projection/domain';

/** Arbitrary rulebooks and what a lead may have done, so that every kind of condition meets every other. */

export const now = Date.UTC(2026, 2, 9, 12);
export const zones = ['Asia/Tokyo', 'America/New_York', 'America/St_Johns', 'Pacific/Apia'];
export const signalNames = ['s0', 's1', 's2', 's3'];

export const window = fc.oneof(
  fc.integer({ min: 1, max: 120 }).map((days) => `${days}d`),
  fc.integer({ min: 1, max: 9 }).map((weeks) => `${weeks}w`),
);
export const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const without = <T extends object>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const comparison = (most: number) =>
  fc
    .tuple(fc.constantFrom('gte', 'gt', 'lte', 'lt', 'eq'), fc.integer({ min: 0, max: most }))
    .map(([test, value]) => ({ [test]: value }));

export const attributeLeaf: fc.Arbitrary<Condition> = fc.oneof(
  comparison(500).map(({ eq, ...tests }) => without({ attribute: 'company.employees', gte: eq, ...tests })),
  fc
    .subarray(['manager', 'staff', 'ＤＩＲＥＣＴＯＲ'], { minLength: 1 })
    .map((values) => ({ attribute: 'position', in: values })),
  fc
    .oneof(
      window,
      fc.integer({ min: 1, max: 14 }).map((months) => `${months}mo`),
    )
    .map((within) => ({ attribute: 'introductionBy', within })),
  fc.boolean().map((exists) => ({ attribute: 'position', exists })),
  fc.constant({ attribute: 'position', contains: 'ＡＮＡ' }),
);
export const signalLeaf: fc.Arbitrary<Condition> = fc
  .record({
    signal: fc.constantFrom(...signalNames),
    within: maybe(window),
    count: maybe(comparison(6)),
    distinct: maybe(comparison(5)),
    sum: maybe(comparison(200)),
    first: maybe(window.map((within) => ({ within }))),
    last: maybe(
      fc.oneof(
        window.map((olderThan) => ({ olderThan })),
        window.map((within) => ({ within })),
      ),
    ),
  })
  .map(without);
const answerGrade = fc.constantFrom('good' as const, 'fair' as const, 'poor' as const);
export const answerLeaf: fc.Arbitrary<Condition> = fc.oneof(
  fc.constantFrom('f', 'f.q1', 'f.q2').map((qualification) => ({ qualification })),
  fc
    .tuple(fc.constantFrom('f', 'f.q1', 'f.q2'), fc.boolean(), fc.constantFrom('gap', 'answered'))
    .map(([qualification, wanted, test]) => ({ qualification, [test]: wanted })),
  comparison(2).map((answers) => ({ qualification: 'f', answers })),
  fc
    .tuple(comparison(9), fc.constantFrom('f.q1', 'f.q2'))
    .map(([{ eq, ...tests }, qualification]) => without({ qualification, gte: eq, ...tests })),
  fc.constant<Condition>({ qualification: 'f.q1', equals: 'yes' }),
  answerGrade.map((graded) => ({ qualification: 'f.q1', graded })),
  answerGrade.map((atLeast) => ({ qualification: 'f.q2', graded: { atLeast } })),
);
export const levelLeaf: fc.Arbitrary<Condition> = fc.oneof(
  comparison(90).map((score) => ({ score })),
  comparison(90).map((engagement) => ({ engagement })),
  comparison(40).map((fit) => ({ fit })),
  fc.constantFrom('A', 'B', 'C', 'D').map((grade) => ({ grade: { atLeast: grade } }) as Condition),
  fc.constantFrom('high', 'middle', 'low').map((band) => ({ band }) as Condition),
  fc.constant({ consent: 'marketing' }),
);
export const tree = (leaf: fc.Arbitrary<Condition>, depth = 2): fc.Arbitrary<Condition> =>
  depth === 0
    ? leaf
    : fc.oneof(
        { weight: 3, arbitrary: leaf },
        {
          weight: 1,
          arbitrary: fc.array(tree(leaf, depth - 1), { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
        },
        {
          weight: 1,
          arbitrary: fc.array(tree(leaf, depth - 1), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
        },
        { weight: 1, arbitrary: tree(leaf, depth - 1).map((not) => ({ not })) },
      );
export const derived = tree(fc.oneof(attributeLeaf, signalLeaf, answerLeaf, levelLeaf));
const anything = tree(
  fc.oneof(
    signalLeaf,
    levelLeaf,
    fc.constant<Condition>({ temperature: { atLeast: 'warm' } }),
    fc.constant<Condition>({ segment: 'early' }),
  ),
);

const engagementRule = fc
  .record({
    signal: fc.constantFrom(...signalNames),
    points: fc.integer({ min: -300, max: 400 }).map((tenths) => tenths / 10),
    timesPerDay: maybe(fc.integer({ min: 1, max: 5 })),
    cap: maybe(fc.integer({ min: 0, max: 60 })),
    window: maybe(window),
    halfLife: maybe(fc.integer({ min: 1, max: 60 }).map((days) => `${days}d`)),
    expires: maybe(window),
    count: maybe(fc.constantFrom('distinct')),
    group: maybe(fc.constantFrom('g')),
  })
  .map(without);

/** Rows that are warm from some column on, or never; grade A always is somewhere. */
const matrix = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: -50, max: 600 }), { maxLength: 4 }),
    fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 5 }), fc.nat({ max: 5 }), fc.nat({ max: 5 })),
  )
  .map(([borders, starts]) => {
    const engagement = borders.sort((a, b) => a - b).map((tenths) => tenths / 10);
    const row = (start: number) => [...engagement, 0].map((_, column) => (column < start ? 'cold' : 'warm'));
    const [a, b, c, d] = starts;
    return { engagement, A: row(Math.min(a, engagement.length)), B: row(b), C: row(c), D: row(d) };
  });

export const document: fc.Arbitrary<RulebookDocument> = fc
  .record({
    engagement: fc.array(engagementRule, { minLength: 1, maxLength: 6 }),
    fit: fc.array(
      fc.record({ when: tree(fc.oneof(attributeLeaf, answerLeaf), 1), points: fc.integer({ min: -20, max: 40 }) }),
      {
        maxLength: 4,
      },
    ),
    weights: fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 3000 })),
    minimum: maybe(fc.integer({ min: -20, max: 20 })),
    hot: fc.dictionary(fc.constantFrom('h1', 'h2', 'h3'), derived, { minKeys: 1 }),
    warm: derived,
    matrix: maybe(matrix),
    rearm: maybe(derived),
    stage: anything,
    segment: anything,
    early: derived,
    groupCap: fc.integer({ min: 0, max: 50 }),
  })
  .map((made) => {
    const parsed = validateRulebook(
      without({
        signals: Object.fromEntries(
          signalNames.map((name) => [name, { event: 'track', name, distinctBy: 'd', sum: 'n' }]),
        ),
        engagement: made.engagement,
        groups: { g: { cap: made.groupCap } },
        fit: made.fit,
        grades: { A: 50, B: 30, C: 10 },
        score: {
          engagement: made.weights[0] / 1000,
          fit: made.weights[1] / 1000,
          minimum: made.minimum,
          bands: { high: 60, middle: 20 },
        },
        hot: made.hot,
        ...(made.matrix ? { matrix: made.matrix } : { warm: made.warm }),
        rearm: made.rearm,
        stages: [{ name: 'visitor' }, { name: 'lead', when: made.stage }],
        segments: { early: made.early, late: made.segment },
        frameworks: [{ name: 'f', questions: ['q1', 'q2'].map((name) => ({ name, level: 'opportunity' })) }],
      }),
    );
    if (parsed.errors) throw new Error(JSON.stringify(parsed.errors));
    return parsed.document;
  });

interface Cell {
  signal: string;
  ago: number;
  count: number;
  sum: number;
  distinct: number[];
}
const cells = fc.array(
  fc.record<Cell>({
    signal: fc.constantFrom(...signalNames),
    ago: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: -2, max: 200 })),
    count: fc.integer({ min: 1, max: 9 }),
    sum: fc.integer({ min: 0, max: 100 }),
    distinct: fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { maxLength: 4 }),
  }),
  { maxLength: 12 },
);
const answer = fc.record({
  answer: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom('yes', 'no')),
  grade: maybe(answerGrade),
});
const person = fc.record({
  employees: maybe(fc.integer({ min: 1, max: 500 })),
  position: maybe(fc.constantFrom('manager', 'Director', 'staff')),
  introductionIn: maybe(fc.integer({ min: -30, max: 500 })),
  consent: fc.boolean(),
  q1: maybe(answer),
  q2: maybe(answer),
});
export const lead = fc.record({ cells, person, zone: fc.constantFrom(...zones) });
export type Lead = typeof lead extends fc.Arbitrary<infer T> ? T : never;

export function stateOf(made: Lead, rulebook: CompiledRulebook): LeadState {
  const state = emptyState();
  const today = rulebook.zone.localDay(now);
  const stamp = { at: now, event: 'e' };
  for (const { signal, ago, count, sum, distinct } of made.cells) {
    const at = now - ago * 86_400_000;
    (state.counters[rulebook.signalNames.get(signal)!.hash] ??= {})[today - ago] = {
      count,
      sum,
      distinct: distinct.map(String).sort(),
      first: at,
      last: at,
    };
    state.lastAt = Math.max(state.lastAt ?? 0, at);
  }
  const { employees, position, introductionIn, consent } = made.person;
  if (employees !== undefined) state.profile['company.employees'] = { value: employees, ...stamp };
  if (position !== undefined) state.profile['position'] = { value: position, ...stamp };
  if (introductionIn !== undefined)
    state.profile['introductionBy'] = { value: formatDay(today + introductionIn), ...stamp };
  for (const name of ['q1', 'q2'] as const)
    if (made.person[name])
      state.profile[`qualification.f.${name}`] = { value: without(made.person[name]) as never, ...stamp };
  if (consent) state.consent['marketing'] = { value: { state: 'granted', basis: 'opt-in' }, ...stamp };
  return state;
}
