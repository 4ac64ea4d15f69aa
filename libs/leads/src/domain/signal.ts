import { z } from 'zod';
import { captureDefinition } from './captured.js';
import type { EventType, LeadEvent } from './event.js';
import { pathReader, type PathReader } from './event-path.js';
import { shortHash, valueHash } from './hash.js';
import type { Zone } from './local-day.js';
import { compilePredicate, predicateDefinition } from './predicate.js';

export const signalEvents = [
  'page',
  'screen',
  'track',
  'form',
  'group',
  'identify',
  'alias',
  'outcome',
  'delivery',
  'consent',
  'suppression',
  'qualification',
] as const;

const path = z.string().min(1).max(200);
const eventName = z.string().min(1).max(512);

/** What counts as one occurrence of a signal. `form` is a track whose source calls its name a form. */
export const signalDefinition = z.strictObject({
  event: z.enum(signalEvents),
  name: z.union([eventName, z.array(eventName).min(1).max(100)]).optional(),
  where: z.record(path, predicateDefinition).optional(),
  /** Counts different values of this path; `visit` is the session id, else the local day. */
  distinctBy: path.optional(),
  /** Sums this path. Where a `matches` with `{number}` reads the same path, the number it found. */
  sum: path.optional(),
  /** Needs a `matches` with `{number}` among `where`. */
  capture: captureDefinition.optional(),
  verdict: z.literal('human').optional(),
});

export type SignalDefinition = z.infer<typeof signalDefinition>;
export type Verdict = 'human' | 'machine' | 'unsure';

export interface CompiledSignal {
  readonly name: string;
  /** Of the canonical definition, not of the name: a renamed signal keeps its counters. */
  readonly hash: string;
  readonly definition: SignalDefinition;
  readonly needsVerdict: boolean;
  readonly types: readonly EventType[];
  matches(event: LeadEvent, verdict?: Verdict): boolean;
  /** An integer of 0 to 10⁹, or undefined where the definition or the event has none. */
  sumOf(event: LeadEvent): number | undefined;
  /** The number to be kept as an attribute; undefined where the event says none. Only where there is a `capture`. */
  capturedOf?(event: LeadEvent): number | undefined;
  /** The hash of the distinct value: a string, number or boolean. Lists and objects are no value. */
  distinctOf(event: LeadEvent, zone: Zone): string | undefined;
}

export const namesOf = (definition: SignalDefinition): string[] | undefined =>
  definition.name === undefined ? undefined : [definition.name].flat();

export function compileSignal(name: string, definition: SignalDefinition): CompiledSignal {
  const type: EventType = definition.event === 'form' ? 'track' : definition.event;
  const formOnly = definition.event === 'form';
  const names = namesOf(definition);
  const nameSet = names && new Set(names);
  const tests = Object.entries(definition.where ?? {}).map(([at, predicate]) => {
    const read = pathReader(at);
    const compiled = compilePredicate(predicate);
    return { at, read, holds: compiled.holds, numberIn: compiled.numberIn };
  });
  const needsVerdict = definition.verdict === 'human';
  return {
    name,
    hash: shortHash(names ? { ...definition, name: [...names].sort() } : definition),
    definition,
    needsVerdict,
    types: [type],
    matches(event, verdict) {
      if (event.type !== type || (formOnly && event.links !== true)) return false;
      if (nameSet && (event.name === undefined || !nameSet.has(event.name))) return false;
      if (needsVerdict && verdict !== 'human') return false;
      for (const test of tests) if (!test.holds(test.read(event))) return false;
      return true;
    },
    sumOf: sumReader(definition.sum, tests),
    ...(definition.capture ? { capturedOf: captureReader(tests) } : {}),
    distinctOf: distinctReader(definition.distinctBy),
  };
}

const greatestSum = 1_000_000_000;

/** Half up, so −0.5 is 0 as well; negative numbers are clamped anyway. */
export const boundedSum = (value: number): number => Math.min(greatestSum, Math.max(0, Math.floor(value + 0.5)));

interface Test {
  at: string;
  read: PathReader;
  numberIn?: (value: unknown) => number | undefined;
}

function sumReader(sum: string | undefined, tests: Test[]): CompiledSignal['sumOf'] {
  if (sum === undefined) return () => undefined;
  const read = pathReader(sum);
  const numberIn = tests.find((test) => test.at === sum && test.numberIn)?.numberIn;
  return (event) => {
    const raw = read(event);
    const value = numberIn ? numberIn(raw) : raw;
    return typeof value === 'number' && Number.isFinite(value) ? boundedSum(value) : undefined;
  };
}

function captureReader(tests: Test[]): (event: LeadEvent) => number | undefined {
  const test = tests.find(({ numberIn }) => numberIn);
  return (event) => {
    const value = test?.numberIn!(test.read(event));
    return value === undefined ? undefined : boundedSum(value);
  };
}

function distinctReader(distinctBy: string | undefined): CompiledSignal['distinctOf'] {
  if (distinctBy === undefined) return () => undefined;
  const read: PathReader = pathReader(distinctBy);
  const visits = distinctBy === 'visit';
  const hashOf = rememberedHash();
  return (event, zone) => {
    const value = read(event);
    if (value !== undefined && value !== '' && typeof value !== 'object') return hashOf(value);
    return visits ? hashOf(zone.localDay(event.occurredAt)) : undefined;
  };
}

const mostRemembered = 2_000;
const longestRemembered = 200;

/** The same days and paths come again and again. */
function rememberedHash(): typeof valueHash {
  const remembered = new Map<string | number | boolean, string>();
  return (value) => {
    if (typeof value === 'string' && value.length > longestRemembered) return valueHash(value);
    let hash = remembered.get(value);
    if (hash !== undefined) return hash;
    if (remembered.size >= mostRemembered) remembered.clear();
    remembered.set(value, (hash = valueHash(value)));
    return hash;
  };
}

/** The signals that a batch has to look at for one event: those of its type and name. */
export interface SignalIndex {
  readonly all: readonly CompiledSignal[];
  candidates(event: Pick<LeadEvent, 'type' | 'name'>): readonly CompiledSignal[];
  /** Every name that a definition has; a candidate stands for all of them. */
  namesOf(hash: string): readonly string[];
}

const none: readonly CompiledSignal[] = [];

export function indexSignals(signals: readonly CompiledSignal[]): SignalIndex {
  // two names of one definition share their counters, so only the first is folded; of two signals that capture one attribute
  // of one event the first by name does, in whatever order the document was stored
  const distinct = [...new Map(signals.toReversed().map((signal) => [signal.hash, signal])).values()].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  const byType = new Map<EventType, { unnamed: CompiledSignal[]; named: Map<string, CompiledSignal[]> }>();
  for (const signal of distinct)
    for (const type of signal.types) {
      const entry = byType.get(type) ?? { unnamed: [], named: new Map<string, CompiledSignal[]>() };
      byType.set(type, entry);
      for (const name of new Set(namesOf(signal.definition)))
        entry.named.set(name, [...(entry.named.get(name) ?? []), signal]);
      if (!namesOf(signal.definition)) entry.unnamed.push(signal);
    }
  for (const { unnamed, named } of byType.values()) for (const list of named.values()) list.push(...unnamed);
  return {
    all: signals,
    namesOf: (hash) => signals.filter((signal) => signal.hash === hash).map(({ name }) => name),
    candidates(event) {
      const entry = byType.get(event.type);
      if (!entry) return none;
      return (event.name === undefined ? undefined : entry.named.get(event.name)) ?? entry.unnamed;
    },
  };
}
