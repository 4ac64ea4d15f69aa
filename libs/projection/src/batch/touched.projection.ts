import {
  attributesOf,
  consentOf,
  emptyState,
  firstTouchPrefix,
  foldSignals,
  indexSignals,
  keepWinner,
  touchedBy,
  type CompiledSignal,
  type FoldContext,
  type Judgements,
  type LeadEvent,
  type LeadState,
  type TouchedParts,
} from '#libs/leads/domain';
import { eventOf } from '../store/event.store.js';
import {
  readSegments,
  segmentsOf,
  walkSegments,
  within,
  type LeadSegment,
  type Walk,
  type WalkPlace,
} from '../store/lead-segment.store.js';
import { foldContextOf } from '../domain/index.js';
import { judgementsOf, readOwnership } from './refold.projection.js';
import { leadOf, type Step } from './step.js';

/**
 * A judgement refolds the (signal, day) cells and the attributes that its fact had a part in, not the lead's history. What
 * it finds is the truth of the whole cell, so it does not matter what the state held. `without` are events that will be
 * folded later. Leads that would read too much are put on the refold list instead.
 */
export async function refoldTouched(
  step: Step,
  roots: readonly number[],
  without: ReadonlySet<string> = new Set(),
): Promise<void> {
  if (roots.length === 0) return;
  const segments = segmentsOf(await readOwnership(step.client, roots));
  const touched = roots.map((root): Touching => {
    // a copy: a lead that turns out to need a long refold keeps its state until then
    const state = structuredClone(leadOf(step, root).state);
    return {
      root,
      state,
      segments: segments.get(root)!,
      parts: touchedBy(state, step.touched.get(root)!, step.judged, foldOf(step, step.judged.after)),
    };
  });
  for (const { state, parts } of touched) for (const fact of parts.standing) addAttributes(state, fact, step);
  await refoldCells(step, touched, without);
  for (const one of touched) if (!step.refold.has(one.root)) await findWinners(step, one, without);
  for (const { root, state } of touched) {
    step.touched.delete(root);
    if (!step.refold.has(root)) leadOf(step, root).state = state;
  }
}

interface Touching {
  root: number;
  state: LeadState;
  segments: readonly LeadSegment[];
  parts: TouchedParts;
}

const foldOf = ({ rulebook, context }: Step, { verdictOf }: Judgements): FoldContext =>
  foldContextOf(rulebook, context.zone, verdictOf);

function addAttributes(state: LeadState, fact: LeadEvent, step: Step): void {
  const { occurredAt: at, id } = fact;
  state.firstAt = Math.min(state.firstAt ?? at, at);
  state.lastAt = Math.max(state.lastAt ?? at, at);
  const profile = attributesOf(fact, foldOf(step, step.judged.after));
  for (const name in profile) keepWinner(state.profile, name, profile[name]!, at, id);
  const consent = consentOf(fact);
  for (const purpose in consent) keepWinner(state.consent, purpose, consent[purpose]!, at, id);
}

/** All leads' cells in two statements: the days' events, and what was judged about them. */
async function refoldCells(step: Step, touched: readonly Touching[], without: ReadonlySet<string>): Promise<void> {
  const { zone, settings } = step.context;
  const byHash = new Map(step.rulebook.signals.all.map((signal) => [signal.hash, signal]));
  const signals = [...new Set(touched.flatMap(({ parts }) => [...parts.cells.keys()]))].map((hash) =>
    byHash.get(hash)!,
  );
  if (signals.length === 0) return;
  const days = touched.flatMap(({ segments, parts }) =>
    [...new Set([...parts.cells.values()].flatMap((cells) => [...cells]))].flatMap((day) =>
      within(segments, zone.dayStart(day), zone.dayStart(day + 1)),
    ),
  );
  const types = [...new Set(signals.flatMap((signal) => signal.types))];
  const rows = await readSegments(step.client, days, types, settings.refoldLimit + 1);
  const factsOf = new Map<number, LeadEvent[]>();
  for (const { root, ...row } of rows) {
    if (without.has(row.id)) continue;
    const facts = factsOf.get(root);
    if (facts) facts.push(eventOf(row));
    else factsOf.set(root, [eventOf(row)]);
  }
  const read = touched.filter(({ root }) => (factsOf.get(root)?.length ?? 0) <= settings.refoldLimit);
  for (const { root } of touched) if (!read.some((one) => one.root === root)) step.refold.add(root);
  const judgements = await judgementsOf(
    step.client,
    read.flatMap(({ root }) => (factsOf.get(root) ?? []).map((fact) => fact.id)),
  );
  for (const { root, state, parts } of read) {
    const fold = { ...foldOf(step, judgements), signals: indexOf(signals, parts) };
    const anew = emptyState();
    for (const fact of factsOf.get(root) ?? []) if (!judgements.withdrawn(fact.id)) foldSignals(anew, fact, fold);
    for (const [hash, cells] of parts.cells) for (const day of cells) putCell(state, anew, hash, day);
  }
}

const indexOf = (signals: readonly CompiledSignal[], { cells }: TouchedParts) =>
  indexSignals(signals.filter(({ hash }) => cells.has(hash)));

function putCell(state: LeadState, anew: LeadState, hash: string, day: number): void {
  const counter = anew.counters[hash]?.[day];
  const days = (state.counters[hash] ??= {});
  if (counter) days[day] = counter;
  else delete days[day];
  if (Object.keys(days).length === 0) delete state.counters[hash];
}

const pageSize = 200;

/** What the withdrawn winners won goes to the next: walked to along the lead's facts, newest or oldest first. */
async function findWinners(step: Step, touching: Touching, without: ReadonlySet<string>): Promise<void> {
  const { state, parts } = touching;
  const names = [...parts.profile];
  const captured = new Set(step.rulebook.signals.all.flatMap(({ definition }) => definition.capture?.attribute ?? []));
  const isAddress = (name: string): boolean => name === 'email' || name === 'company.domain';
  const isTouch = (name: string): boolean => name.startsWith(firstTouchPrefix);
  for (const name of names) delete state.profile[name];
  for (const purpose of parts.consent) delete state.consent[purpose];
  const takeProfile =
    (wanted: Set<string>): Take =>
    (fact, judgements) => {
      const profile = attributesOf(fact, foldOf(step, judgements));
      for (const name of wanted)
        if (Object.hasOwn(profile, name)) {
          keepWinner(state.profile, name, profile[name]!, fact.occurredAt, fact.id);
          wanted.delete(name);
        }
      return wanted.size === 0;
    };
  const takeConsent =
    (wanted: Set<string>): Take =>
    (fact) => {
      const consent = consentOf(fact);
      for (const purpose of wanted)
        if (Object.hasOwn(consent, purpose)) {
          keepWinner(state.consent, purpose, consent[purpose]!, fact.occurredAt, fact.id);
          wanted.delete(purpose);
        }
      return wanted.size === 0;
    };
  const walks: { walk: Walk; direction: 'forward' | 'back'; found: Take | undefined }[] = [
    {
      walk: 'address',
      direction: 'back',
      found: taking(
        names.filter((name) => isAddress(name) && !captured.has(name)),
        takeProfile,
      ),
    },
    {
      walk: 'stated',
      direction: 'back',
      found: taking(
        names.filter((name) => !isAddress(name) && !isTouch(name) && !captured.has(name)),
        takeProfile,
      ),
    },
    {
      walk: 'any',
      direction: 'back',
      found: taking(
        names.filter((name) => captured.has(name)),
        takeProfile,
      ),
    },
    {
      walk: 'firstTouch',
      direction: 'forward',
      found: taking(
        names.filter((name) => isTouch(name) && !captured.has(name)),
        takeProfile,
      ),
    },
    { walk: 'consent', direction: 'back', found: taking([...parts.consent], takeConsent) },
    {
      walk: 'any',
      direction: 'forward',
      found: parts.first ? ({ occurredAt }) => ((state.firstAt = occurredAt), true) : undefined,
    },
    {
      walk: 'any',
      direction: 'back',
      found: parts.last ? ({ occurredAt }) => ((state.lastAt = occurredAt), true) : undefined,
    },
  ];
  if (parts.first) delete state.firstAt;
  if (parts.last) delete state.lastAt;
  for (const { walk, direction, found } of walks)
    if (found && !(await walkUntil(step, touching, walk, direction, without, found))) step.refold.add(touching.root);
}

/** True once nothing more is wanted. */
type Take = (fact: LeadEvent, judgements: Judgements) => boolean;

const taking = (names: string[], take: (wanted: Set<string>) => Take) =>
  names.length === 0 ? undefined : take(new Set(names));

/** False if it read more than a batch may. */
async function walkUntil(
  step: Step,
  { segments }: Touching,
  walk: Walk,
  direction: 'forward' | 'back',
  without: ReadonlySet<string>,
  found: Take,
): Promise<boolean> {
  let after: WalkPlace | undefined;
  for (let read = 0; read <= step.context.settings.refoldLimit; read += pageSize) {
    const rows = await walkSegments(step.client, segments, walk, direction, pageSize, after);
    const facts = rows.map(({ root: _, ...row }) => eventOf(row)).filter((fact) => !without.has(fact.id));
    const judgements = await judgementsOf(
      step.client,
      facts.map((fact) => fact.id),
    );
    for (const fact of facts) if (!judgements.withdrawn(fact.id) && found(fact, judgements)) return true;
    const last = rows.at(-1);
    if (rows.length < pageSize || !last) return true;
    after = { at: last.at, id: last.id };
  }
  return false;
}
