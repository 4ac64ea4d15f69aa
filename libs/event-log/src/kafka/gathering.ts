import type { BatchOutcome, RecordBatch } from '../port.js';
import type { Place } from './places.js';
import type { LaneOptions } from './surroundings.js';

/** A partition that has something; `done` or `failed` is called before the place is given back. */
export interface Waiting {
  place: Place;
  slice(most: number): RecordBatch;
  done(batch: RecordBatch, outcome: BatchOutcome): void;
  failed(error: Error): void;
}

type Settling = Waiting & { settle(): void };
type Taken = { one: Settling; batch: RecordBatch };

/**
 * One lane's partitions that have something at the same time go into one call, as far as they fit: at a few hundred events a
 * second a call costs more than its events. Nobody waits for others to come, and what is urgent goes by itself.
 */
export class Gathering {
  private waiting: Settling[] = [];
  private asking = false;

  constructor(
    private readonly own: LaneOptions,
    private readonly stopping: AbortSignal,
  ) {}

  /** Resolves when it was handed out, or never will be. */
  hand(one: Waiting): Promise<void> {
    const { signal } = one.place.lost;
    return new Promise((resolve) => {
      const settle = () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const mine = { ...one, settle };
      const giveUp = () => {
        this.waiting = this.waiting.filter((each) => each !== mine);
        resolve();
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.waiting.push(mine);
      void this.ask();
    });
  }

  private async ask(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    // partitions of one fetch come within one turn
    await new Promise((turn) => setImmediate(turn));
    while (this.waiting.length > 0) {
      if (!(await this.own.lanes.enter(this.own.lane, this.stopping))) {
        for (const { settle } of this.waiting.splice(0)) settle();
        break;
      }
      void this.run(this.next());
    }
    this.asking = false;
  }

  private next(): Taken[] {
    const { options, handlers, lane } = this.own;
    // in the most urgent lane each waits for the locks of its own leads only
    const together = lane > 0 && handlers.batches !== undefined;
    const taken: Taken[] = [];
    let left = options.maxRecords;
    while (this.waiting.length > 0 && (taken.length === 0 || (left > 0 && together))) {
      const one = this.waiting.shift()!;
      try {
        const batch = one.slice(left);
        left -= Math.max(1, batch.records.length);
        taken.push({ one, batch });
      } catch (error) {
        one.failed(error as Error);
        one.settle();
      }
    }
    return taken;
  }

  private async run(taken: Taken[]): Promise<void> {
    const { handlers, lanes } = this.own;
    const [first] = taken;
    try {
      if (!first) return;
      const outcomes =
        taken.length > 1
          ? await handlers.batches!(taken.map(({ batch }) => batch))
          : [await handlers.batch(first.batch, first.one.place.lost.signal)];
      taken.forEach(({ one, batch }, index) => one.done(batch, outcomes[index]!));
    } catch (error) {
      for (const { one } of taken) one.failed(error as Error);
    } finally {
      lanes.leave();
      for (const { one } of taken) one.settle();
    }
  }
}
