export interface Grouping {
  most: number;
  concurrency: number;
  /** A group below `enough` waits this long for company. Default: it goes at once. */
  lingerMs?: number;
  /** Asked whenever an item comes: how many are worth a statement now. */
  enough?: () => number;
}

/**
 * One statement for many: a single item goes at once; what comes while a call is under way goes together in the next.
 * So an idle process answers without delay and a busy one makes few round trips.
 */
export class Grouped<I, O> {
  private waiting: { item: I; resolve: (result: O) => void; reject: (error: unknown) => void }[] = [];
  private underWay = 0;
  private soon = false;
  private lingering?: NodeJS.Timeout;

  constructor(
    private readonly call: (items: I[]) => Promise<O[]>,
    private readonly options: Grouping = { most: 200, concurrency: 1 },
  ) {}

  add(item: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      // items added in the same turn of the event loop go together
      if (this.soon) return;
      this.soon = true;
      setImmediate(() => {
        this.soon = false;
        this.pump();
      });
    });
  }

  private pump(patience = true): void {
    while (this.waiting.length && this.underWay < this.options.concurrency) {
      if (patience && this.worthWaiting()) return;
      clearTimeout(this.lingering);
      this.lingering = undefined;
      const group = this.waiting.splice(0, this.options.most);
      this.underWay += 1;
      this.call(group.map((entry) => entry.item))
        .then(
          (results) => group.forEach((entry, i) => entry.resolve(results[i]!)),
          (error: unknown) => group.forEach((entry) => entry.reject(error)),
        )
        .finally(() => {
          this.underWay -= 1;
          this.pump();
        });
    }
  }

  private worthWaiting(): boolean {
    const { lingerMs, enough, most } = this.options;
    if (lingerMs === undefined || this.waiting.length >= Math.min(enough?.() ?? most, most)) return false;
    this.lingering ??= setTimeout(() => {
      this.lingering = undefined;
      this.pump(false);
    }, lingerMs);
    return true;
  }
}
