import {
  shortHash,
  type CompanyDomain,
  type CompiledSignal,
  type FoldContext,
  type SignalIndex,
  type Verdict,
  type Zone,
} from '#libs/leads/domain';
import type { AccountRule } from './account-document.js';

/** The part of a compiled rulebook that folds read. */
export interface FoldRules {
  readonly signals: SignalIndex;
  readonly signalHashes: readonly string[];
  /** Of what it says about attributes. */
  readonly profileHash: string;
  readonly account: { readonly domainOf: CompanyDomain };
}

/** What a rulebook's fold needs; every fold of its states is made with this. */
export const foldContextOf = (
  rulebook: FoldRules,
  zone: Zone,
  verdictOf: (eventId: string) => Verdict | undefined,
): FoldContext => ({ zone, signals: rulebook.signals, verdictOf, companyDomain: rulebook.account.domainOf });

/** Two that differ make other profiles of the same events, so leads are refolded. */
export const profileHashOf = (signals: readonly CompiledSignal[], domains: AccountRule['domains']): string =>
  shortHash({
    captures: [...new Set(signals.filter((signal) => signal.capturedOf).map((signal) => signal.hash))].sort(),
    personal: [...(domains?.personal ?? [])].sort(),
    company: [...(domains?.company ?? [])].sort(),
  });

/** Whether a state folded under `own` is what `other` would fold, once counters of signals it lacks are dropped. */
export const foldsFor = (own: FoldRules, other: FoldRules): boolean => {
  const counted = new Set(own.signalHashes);
  return own.profileHash === other.profileHash && other.signalHashes.every((hash) => counted.has(hash));
};
