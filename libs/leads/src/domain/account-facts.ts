import type { Temperature } from './condition.js';
import type { LocalDay } from './state.js';

/** What a condition reads of one company on one day: derived from its members' states alone. Points are tenths. */
export interface AccountFacts {
  readonly temperature: Temperature;
  readonly hottest: Temperature;
  readonly engagement: number;
  readonly members: number;
  readonly engaged: number;
  readonly reached: boolean;
  covers(role: string): boolean;
  occurrences(slot: number, window: number): number;
  people(slot: number, window: number): number;
  /** Days no later than the first on which, with no new event, these may differ. */
  temperatureFlip(): LocalDay;
  /** Of everything that is told of members one by one: temperatures, roles, engaged, reached. */
  memberFlip(): LocalDay;
  crossingDay(threshold: number): LocalDay;
  signalFlip(slot: number, window: number): LocalDay;
}
