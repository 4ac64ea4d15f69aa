import { distinctLimit } from './fold.js';
import type { DayCounter, LeadState, LocalDay } from './state.js';

/** One signal's counters as plain arrays, days ascending: read once per look, then walked by every line and condition. */
export class SignalDays {
  length = 0;
  readonly days: number[] = [];
  readonly counts: number[] = [];
  readonly counters: DayCounter[] = [];

  read(counters: Record<LocalDay, DayCounter> | undefined): this {
    let length = 0;
    // integer keys come in ascending order
    for (const key in counters) {
      const counter = counters[key as unknown as number]!;
      this.days[length] = Number(key);
      this.counts[length] = counter.count;
      this.counters[length] = counter;
      length += 1;
    }
    this.length = length;
    return this;
  }

  /** How many days are no later than `today`. */
  upTo(today: LocalDay): number {
    let end = this.length;
    while (end > 0 && this.days[end - 1]! > today) end -= 1;
    return end;
  }

  count(today: LocalDay, window: number): number {
    let total = 0;
    for (let index = this.upTo(today) - 1; index >= 0 && today - this.days[index]! <= window; index -= 1)
      total += this.counts[index]!;
    return total;
  }

  sum(today: LocalDay, window: number): number {
    let total = 0;
    for (let index = this.upTo(today) - 1; index >= 0 && today - this.days[index]! <= window; index -= 1)
      total += this.counters[index]!.sum ?? 0;
    return total;
  }

  /** Of the union of the days' bottom-k sets, which is exact below k. */
  distinct(today: LocalDay, window: number): number {
    let one: readonly string[] | undefined;
    let union: Set<string> | undefined;
    for (let index = this.upTo(today) - 1; index >= 0 && today - this.days[index]! <= window; index -= 1) {
      const values = this.counters[index]!.distinct;
      if (!values?.length) continue;
      if (one === undefined) one = values;
      else {
        union ??= new Set(one);
        for (const value of values) union.add(value);
        if (union.size >= distinctLimit) break;
      }
    }
    return Math.min(distinctLimit, union?.size ?? one?.length ?? 0);
  }

  /** −Infinity if it never happened by then. */
  lastDay(today: LocalDay): LocalDay {
    return this.days[this.upTo(today) - 1] ?? -Infinity;
  }

  firstDay(today: LocalDay): LocalDay {
    return this.length > 0 && this.days[0]! <= today ? this.days[0]! : -Infinity;
  }
}

/** All of a lead's signals, each read when first asked for. */
export class SignalReader {
  private readonly slots: SignalDays[];
  private readonly readAt: Int32Array;
  private generation = 0;
  private state!: LeadState;

  constructor(private readonly hashes: readonly string[]) {
    this.slots = hashes.map(() => new SignalDays());
    this.readAt = new Int32Array(hashes.length);
  }

  at(state: LeadState): void {
    this.state = state;
    this.generation += 1;
  }

  slot(index: number): SignalDays {
    const slot = this.slots[index]!;
    if (this.readAt[index] !== this.generation) {
      this.readAt[index] = this.generation;
      slot.read(this.state.counters[this.hashes[index]!]);
    }
    return slot;
  }
}
