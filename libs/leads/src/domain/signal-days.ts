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

/** All of a lead's signals. It has few of those that a rulebook names, so they are found by what the lead has. */
export class SignalReader {
  private readonly slots: SignalDays[];
  private readonly slotOf: ReadonlyMap<string, number>;
  private readonly readAt: Int32Array;
  private readonly nothing = new SignalDays();
  private generation = 0;
  /** Slots that hold something of this lead, in no order: the first `count` of them. */
  readonly present: number[] = [];
  count = 0;

  constructor(hashes: readonly string[]) {
    this.slots = hashes.map(() => new SignalDays());
    this.slotOf = new Map(hashes.map((hash, slot) => [hash, slot]));
    this.readAt = new Int32Array(hashes.length);
  }

  at({ counters }: LeadState): void {
    this.generation += 1;
    this.count = 0;
    for (const hash in counters) {
      const slot = this.slotOf.get(hash);
      if (slot === undefined || this.slots[slot]!.read(counters[hash]).length === 0) continue;
      this.readAt[slot] = this.generation;
      this.present[this.count] = slot;
      this.count += 1;
    }
  }

  slot(index: number): SignalDays {
    return this.readAt[index] === this.generation ? this.slots[index]! : this.nothing;
  }
}
