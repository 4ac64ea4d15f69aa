import fs from 'node:fs';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  canonicalJson,
  emptyState,
  foldEvent,
  freshMemory,
  indexSignals,
  compileSignal,
  judge,
  makeZone,
  mergeStates,
} from '#libs/leads/domain';
import { compileRulebook, decide, explain, look } from '#libs/projection/domain';
import { histories, type History } from '../oracle/histories.js';
import { testRulebook } from './test-rulebook.js';

const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2_147_483_647);
const numRuns = Number(process.env['FC_RUNS'] ?? 100);

const refuse = (what: string) => (): never => {
  throw new Error(`the fold reads ${what}`);
};

/** Clock, randomness, environment and network throw while `work` runs; everything else is as it was. */
function sealed<T>(work: () => T): T {
  const { Date: RealDate, fetch: realFetch, setTimeout: realTimeout } = globalThis;
  const { random } = Math;
  const { env } = process;
  const now = performance.now.bind(performance);
  class SealedDate extends RealDate {
    static override now = refuse('the clock');
    constructor(...args: unknown[]) {
      super(...((args.length === 0 ? refuse('the clock')() : args) as [number]));
    }
  }
  globalThis.Date = SealedDate as unknown as DateConstructor;
  globalThis.fetch = refuse('the network');
  globalThis.setTimeout = refuse('a timer') as unknown as typeof setTimeout;
  Math.random = refuse('randomness');
  performance.now = refuse('the clock');
  process.env = new Proxy({}, { get: refuse('the environment'), has: refuse('the environment') });
  try {
    return work();
  } finally {
    globalThis.Date = RealDate;
    globalThis.fetch = realFetch;
    globalThis.setTimeout = realTimeout;
    Math.random = random;
    performance.now = now;
    process.env = env;
  }
}

/** Compiled anew each time, so that compiling is sealed as well. */
function foldAndDecide({ events, zone: name }: History): string {
  const zone = makeZone(name);
  const document = testRulebook();
  const rulebook = compileRulebook(document, 1, zone);
  const signals = indexSignals(
    Object.entries(document.signals).map(([signal, definition]) => compileSignal(signal, definition)),
  );
  const judgements = judge(events.filter((event) => event.refersTo !== undefined));
  const halves = [emptyState(), emptyState()];
  events.forEach((event, index) =>
    foldEvent(halves[index % 2]!, event, { zone, signals, verdictOf: judgements.verdictOf }),
  );
  const state = mergeStates(halves[0]!, halves[1]!);
  const now = Math.max(0, ...events.map((event) => event.occurredAt)) + 1;
  const seen = look(state, rulebook, freshMemory(), now);
  const decided = decide(freshMemory(), seen, { cause: 'event', quiet: false, now });
  return canonicalJson({ state, seen, decided, told: explain(state, rulebook, freshMemory(), now, 'ja') });
}

test('I16: folding, looking, deciding and explaining read no clock, randomness, environment or network', () => {
  fc.assert(
    fc.property(histories(), (history) => {
      expect(sealed(() => foldAndDecide(history))).toBe(foldAndDecide(history));
    }),
    { seed, numRuns },
  );
});

test.each([
  ['the clock', () => Date.now()],
  ['the clock', () => new Date()],
  ['the clock', () => performance.now()],
  ['randomness', () => Math.random()],
  ['the environment', () => process.env['TZ']],
  ['the network', () => fetch('http://127.0.0.1')],
])('I16: the seal would notice %s', (what, read) => {
  expect(() => sealed<unknown>(read)).toThrow(`the fold reads ${what}`);
});

test('I16: what the fold is made of imports nothing that could read them', () => {
  const domains = ['leads', 'projection', 'scoring', 'funnel', 'segments'].map((lib) => `libs/${lib}/src/domain`);
  const files = domains.flatMap((folder) =>
    fs
      .readdirSync(folder)
      .filter((file) => file.endsWith('.ts') && !file.includes('spec'))
      .map((file) => `${folder}/${file}`),
  );
  expect(files.length).toBeGreaterThan(40);
  const foreign = files.flatMap((file) =>
    [...fs.readFileSync(file, 'utf8').matchAll(/(?:from|import) '([^']+)'/g)]
      .map(([, name]) => name!)
      .filter((name) => !/^(\.\/|#libs\/[a-z]+\/domain$|zod$|node:crypto$|yaml$|tldts$)/.test(name))
      .map((name) => `${file}: ${name}`),
  );
  expect(foreign).toEqual([]);
});
