import {
  shortHash,
  type CompiledSignal,
  type FoldContext,
  type SignalIndex,
  type Verdict,
  type Zone,
} from '#libs/leads/domain';

/** The part of a compiled rulebook that folds read. */
export interface FoldRules {
  readonly signals: SignalIndex;
  readonly signalHashes: readonly string[];
  /** Of what it says about attributes. */
  readonly profileHash: string;
}

/** What a rulebook's fold needs; every fold of its states is made with this. */
export const foldContextOf = (
  rulebook: FoldRules,
  zone: Zone,
  verdictOf: (eventId: string) => Verdict | undefined,
): FoldContext => ({ zone, signals: rulebook.signals, verdictOf });

/** What a rulebook says about attributes. Two that differ make other profiles of the same events, so leads are refolded. */
export const profileHashOf = (signals: readonly CompiledSignal[]): string =>
  shortHash([...new Set(signals.filter((signal) => signal.capturedOf).map((signal) => signal.hash))].sort());

/** Whether a state folded under `own` is what `other` would fold, once counters of signals it lacks are dropped. */
export const foldsFor = (own: FoldRules, other: FoldRules): boolean => {
  const counted = new Set(own.signalHashes);
  return own.profileHash === other.profileHash && other.signalHashes.every((hash) => counted.has(hash));
};
