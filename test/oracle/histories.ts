import fc from 'fast-check';
import {
  compileSignal,
  signalDefinition,
  type CompiledSignal,
  type JsonObject,
  type LeadEvent,
  type SignalDefinition,
} from '#libs/leads/domain';

/** Arbitrary histories over few keys and few instants, so that ties, shared browsers and contradictions are the rule. */

const definitions: Record<string, SignalDefinition> = {
  'viewed-product': { event: 'page', where: { path: { startsWith: '/products/' } }, distinctBy: 'path' },
  visited: { event: 'page', distinctBy: 'visit' },
  stayed: { event: 'track', name: 'Page Left', sum: 'seconds' },
  'opened-email': { event: 'track', name: ['Email Opened', 'Email Clicked'], verdict: 'human' },
  'sent-form': { event: 'form' },
  'asked-for-seats': { event: 'form', where: { message: { matches: '{number}名*導入' } }, sum: 'message' },
  'named-seats': {
    event: 'form',
    where: { message: { matches: '{number}名*導入' } },
    capture: { attribute: 'plannedSeats', as: 'number' },
  },
  'named-seats-en': {
    event: 'track',
    where: { message: { matches: '{number} seats' } },
    capture: { attribute: 'plannedSeats', as: 'number' },
  },
  'named-budget': {
    event: 'form',
    where: { message: { matches: '予算{number}' } },
    capture: { attribute: 'budget', as: 'number' },
  },
};

export const testSignals: CompiledSignal[] = Object.entries(definitions).map(([name, definition]) =>
  compileSignal(name, signalDefinition.parse(definition)),
);

export const testZones = ['Asia/Tokyo', 'America/New_York', 'America/St_Johns', 'Pacific/Apia'] as const;

/** The instants around which a zone's days are strange, and an ordinary one. */
const centres = [
  Date.UTC(2006, 9, 29, 2, 31),
  Date.UTC(2011, 11, 30, 10),
  Date.UTC(2026, 2, 8, 7),
  Date.UTC(2026, 5, 1),
];
const hour = 3_600_000;

const anon = fc.constantFrom('b1', 'b2', 'b3');
const user = fc.constantFrom('main:1', 'main:2', 'main:3');
const email = fc.constantFrom('a@x.jp', 'b@x.jp');
const strongKey = fc.oneof(
  user.map((id) => `u:${id}`),
  email.map((address) => `e:${address}`),
);
const anyKey = fc.oneof({ weight: 3, arbitrary: strongKey }, { weight: 1, arbitrary: anon.map((id) => `a:${id}`) });

type Draft = Partial<LeadEvent> & Pick<LeadEvent, 'type'>;

const keyFields = (key: string): Partial<LeadEvent> =>
  key.startsWith('u:')
    ? { userId: key.slice(2) }
    : key.startsWith('e:')
      ? { email: key.slice(2) }
      : { anonymousId: key.slice(2) };

const someKeys: fc.Arbitrary<Partial<LeadEvent>> = fc.oneof(
  { weight: 5, arbitrary: anon.map((anonymousId) => ({ anonymousId })) },
  { weight: 1, arbitrary: fc.record({ anonymousId: anon, userId: user }) },
  { weight: 1, arbitrary: strongKey.map(keyFields) },
);

const identifying: fc.Arbitrary<Partial<LeadEvent>> = fc.oneof(
  fc.record({ anonymousId: anon, userId: user }),
  fc.record({ anonymousId: anon, email }),
  fc.record({ userId: user, email }),
  fc.record({ anonymousId: anon, userId: user, email }),
);

const pageProperties = fc.constantFrom<JsonObject>(
  { path: '/products/a' },
  { path: '/products/b' },
  { path: '/' },
  { path: '/products/a', sessionId: 's1' },
);
const seconds = fc.constantFrom<JsonObject>(
  { seconds: 3.5 },
  { seconds: -4 },
  { seconds: 5e9 },
  { seconds: '7' },
  {},
  { seconds: 0.49999 },
);
const formProperties = fc.constantFrom<JsonObject>(
  { lastName: '山田', message: '３０名での導入を検討中です' },
  { company: 'Acme', position: '部長', consent: true },
  { consent: false, company: 'Beta' },
  { message: '二十名での導入、予算三百万円' },
  { message: '15名で導入 for 45 seats', 予算: '五百万' },
  { message: 'hello' },
);
const utm = fc.constantFrom<JsonObject>({}, { campaign: { source: 'news' } }, { campaign: { source: 'ads' } });

const facts: fc.Arbitrary<Draft> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({ keys: someKeys, properties: pageProperties, context: utm })
      .map(({ keys, ...rest }) => ({ type: 'page' as const, ...keys, ...rest })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ keys: someKeys, properties: seconds })
      .map(({ keys, properties }) => ({ type: 'track' as const, name: 'Page Left', ...keys, properties })),
  },
  {
    weight: 4,
    arbitrary: fc
      .record({ keys: identifying, traits: formProperties })
      .map(({ keys, traits }) => ({ type: 'identify' as const, links: true, ...keys, traits })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ keys: identifying, properties: formProperties })
      .map(({ keys, properties }) => ({ type: 'track' as const, name: 'Form', links: true, ...keys, properties })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(user, anyKey)
      .map(([userId, otherKey]) => ({ type: 'alias' as const, userId, otherKey, links: true })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(anyKey, anyKey)
      .map(([key, otherKey]) => ({ type: 'merge' as const, ...keyFields(key), otherKey })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(strongKey, strongKey)
      .map(([key, otherKey]) => ({ type: 'apart' as const, ...keyFields(key), otherKey })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(strongKey, fc.constantFrom('d:x.jp', 'd:y.co.jp', 'n:株式会社ミライ', null))
      .map(([key, account]) => ({
        type: 'account' as const,
        name: account === null ? 'withdrawn' : 'assigned',
        ...keyFields(key),
        properties: (account === null ? {} : { account }) as JsonObject,
      })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({
        anonymousId: fc.option(anon, { nil: undefined }),
        email,
        name: fc.constantFrom('Email Opened', 'Email Clicked'),
      })
      .map(({ anonymousId, ...rest }) => ({
        type: 'track' as const,
        ...rest,
        ...(anonymousId ? { anonymousId } : {}),
      })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(someKeys, fc.constantFrom<JsonObject>({ answer: 3 }, { answer: null }, { answer: 'x', grade: 'good' }))
      .map(([keys, said]) => ({
        type: 'qualification' as const,
        name: 'answered',
        ...keys,
        properties: { framework: 'bant', question: 'budget', ...said },
      })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(someKeys, fc.constantFrom('approved', 'declined'))
      .map(([keys, name]) => ({ type: 'approval' as const, name, ...keys, properties: { stage: 'lead' } })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(someKeys, fc.constantFrom('lost', 'recycled', 'contacted'))
      .map(([keys, name]) => ({ type: 'outcome' as const, name, ...keys })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(someKeys, fc.constantFrom('granted', 'withdrawn'))
      .map(([keys, name]) => ({ type: 'consent' as const, name, ...keys })),
  },
);

const judgements = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .constantFrom('human', 'human', 'machine', 'unsure')
      .map((name) => ({ type: 'verdict' as const, name })),
  },
  { weight: 2, arbitrary: fc.constant({ type: 'unmerge' as const }) },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom('withdrawn', 'withdrawn', 'restored')
      .map((name) => ({ type: 'retraction' as const, name })),
  },
);

/** Ids in an order of their own, so that a tie-break by id is no tie-break by time or arrival. */
const idOf = (rank: number): string =>
  `${((rank * 2_654_435_761) % 4_294_967_296).toString(16).padStart(8, '0')}-0000-5000-8000-${String(rank).padStart(12, '0')}`;

export interface History {
  events: LeadEvent[];
  /** The same events as they arrive: shuffled, doubled, in batches. */
  arrivals: LeadEvent[][];
  zone: string;
  keyLimit: number;
  browserLimit: number;
}

export const histories = (maxFacts = 16, maxJudgements = 8): fc.Arbitrary<History> =>
  fc
    .record({
      facts: fc.array(facts, { minLength: 1, maxLength: maxFacts }),
      judgements: fc.array(fc.tuple(judgements, fc.nat()), { maxLength: maxJudgements }),
      centre: fc.constantFrom(...centres),
      instants: fc.array(fc.oneof(fc.integer({ min: -6, max: 6 }), fc.integer({ min: -60, max: 60 })), {
        minLength: 32,
        maxLength: 32,
      }),
      salt: fc.nat({ max: 1000 }),
      zone: fc.constantFrom(...testZones),
      keyLimit: fc.constantFrom(2, 3, 50),
      browserLimit: fc.constantFrom(1, 2, 3, 50),
      order: fc.array(fc.nat(), { minLength: 32, maxLength: 32 }),
      doubled: fc.array(fc.boolean(), { minLength: 32, maxLength: 32 }),
      cuts: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 64, maxLength: 64 }),
    })
    .map((drawn) => {
      const total = drawn.facts.length + drawn.judgements.length;
      const drafts: Draft[] = [
        ...drawn.facts,
        ...drawn.judgements.map(([draft, target]) => ({ ...draft, refersTo: idOf((target % total) + drawn.salt) })),
      ];
      const events = drafts.map((draft, index): LeadEvent => {
        const occurredAt = drawn.centre + drawn.instants[index]! * hour;
        return {
          properties: {},
          source: 'test',
          ...draft,
          id: idOf(index + drawn.salt),
          occurredAt,
          receivedAt: occurredAt,
        };
      });
      const doubled = events.flatMap((event, index) => (drawn.doubled[index] ? [event, event] : [event]));
      const shuffled = doubled
        .map((event, index) => ({ event, at: drawn.order[index % 32]! + (index >= 32 ? 0.5 : 0) }))
        .sort((a, b) => a.at - b.at);
      const arrivals: LeadEvent[][] = [];
      for (let from = 0, cut = 0; from < shuffled.length; cut += 1) {
        const size = drawn.cuts[cut]!;
        arrivals.push(shuffled.slice(from, from + size).map(({ event }) => event));
        from += size;
      }
      const { zone, keyLimit, browserLimit } = drawn;
      return { events, arrivals, zone, keyLimit, browserLimit };
    });
