import { profileOf } from './attributes.js';
import type { CompanyDomain } from './company-domain.js';
import { consentOf } from './consent.js';
import type { Json, LeadEvent } from './event.js';
import type { Zone } from './local-day.js';
import { keepWinner, mergeInto } from './merge-states.js';
import type { CompiledSignal, SignalIndex, Verdict } from './signal.js';
import { emptyState, type DayCounter, type LeadState } from './state.js';

export interface FoldContext {
  zone: Zone;
  signals: SignalIndex;
  /** The verdict in force on an event, if anybody has judged it. */
  verdictOf(eventId: string): Verdict | undefined;
  /** By the shipped lists unless the rulebook has its own. */
  companyDomain?: CompanyDomain;
}

/** k of bottom-k: how many distinct values a counter can tell apart. */
export const distinctLimit = 64;

/** Adds one event to the draft. The order of events does not matter, but each must be folded once. */
export function foldEvent(state: LeadState, event: LeadEvent, context: FoldContext): void {
  const { occurredAt: at, id } = event;
  if (state.firstAt === undefined || at < state.firstAt) state.firstAt = at;
  if (state.lastAt === undefined || at > state.lastAt) state.lastAt = at;
  const profile = profileOf(event, context.zone, context.companyDomain);
  for (const name in profile) keepWinner(state.profile, name, profile[name]!, at, id);
  const consent = consentOf(event);
  for (const purpose in consent) keepWinner(state.consent, purpose, consent[purpose]!, at, id);
  foldSignals(state, event, context);
}

/** Only the counters: what a new signal's back-fill needs. */
export function foldSignals(state: LeadState, event: LeadEvent, context: FoldContext): void {
  const candidates = context.signals.candidates(event);
  if (candidates.length === 0) return;
  const day = context.zone.localDay(event.occurredAt);
  for (const signal of candidates) {
    const verdict = signal.needsVerdict ? context.verdictOf(event.id) : undefined;
    if (!signal.matches(event, verdict)) continue;
    countOnce((state.counters[signal.hash] ??= {}), day, signal, event, context.zone);
    if (signal.capturedOf) keepCaptured(state, signal, event);
  }
}

/** Of a matching event. What a field of the same event states stays: it was folded before, and the stamps are equal. */
function keepCaptured(state: LeadState, signal: CompiledSignal, event: LeadEvent): void {
  const value = signal.capturedOf?.(event);
  if (value !== undefined)
    keepWinner<Json>(state.profile, signal.definition.capture!.attribute, value, event.occurredAt, event.id);
}

/** All attributes that one event sets: what it states, and what signals capture from it. */
export function attributesOf(event: LeadEvent, context: FoldContext): Record<string, Json> {
  const profile = { ...profileOf(event, context.zone, context.companyDomain) };
  for (const signal of context.signals.candidates(event)) {
    const attribute = signal.definition.capture?.attribute;
    if (attribute === undefined || Object.hasOwn(profile, attribute)) continue;
    const verdict = signal.needsVerdict ? context.verdictOf(event.id) : undefined;
    const value = signal.matches(event, verdict) ? signal.capturedOf!(event) : undefined;
    if (value !== undefined) profile[attribute] = value;
  }
  return profile;
}

function countOnce(
  days: Record<number, DayCounter>,
  day: number,
  signal: CompiledSignal,
  event: LeadEvent,
  zone: Zone,
): void {
  const at = event.occurredAt;
  const counter = (days[day] ??= { count: 0, first: at, last: at });
  counter.count += 1;
  if (at < counter.first) counter.first = at;
  if (at > counter.last) counter.last = at;
  if (signal.definition.sum !== undefined) counter.sum = (counter.sum ?? 0) + (signal.sumOf(event) ?? 0);
  if (signal.definition.distinctBy !== undefined) {
    const kept = (counter.distinct ??= []);
    const hash = signal.distinctOf(event, zone);
    if (hash !== undefined) insertSmallest(kept, hash);
  }
}

function insertSmallest(kept: string[], hash: string): void {
  let index = kept.length;
  while (index > 0 && kept[index - 1]! > hash) index -= 1;
  if (index >= distinctLimit || kept[index - 1] === hash) return;
  kept.splice(index, 0, hash);
  if (kept.length > distinctLimit) kept.pop();
}

/** The state of both leads' events together. Neither argument changes. */
export function mergeStates(a: LeadState, b: LeadState): LeadState {
  const merged = emptyState();
  mergeInto(merged, a, distinctLimit);
  mergeInto(merged, b, distinctLimit);
  return merged;
}
