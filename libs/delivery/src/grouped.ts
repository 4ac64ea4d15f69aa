/**
 * One statement for many: a single item goes at once; what comes while a call is under way goes together in the next.
 * So an idle process answers without delay and a busy one makes few round trips.
 */
export class Grouped<I, O> {
  private waiting: { item: I; resolve: (result: O) => void; reject: (error: unknown) => void }[] = [];
  private underWay = 0;

  constructor(
    private readonly call: (items: I[]) => Promise<O[]>,
    private readonly options: { most: number; concurrency: number } = { most: 200, concurrency: 1 },
  ) {}

  add(item: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      // items added in the same turn of the event loop go together
      if (this.waiting.length === 1) setImmediate(() => this.pump());
    });
  }

  private pump(): void {
    while (this.waiting.length && this.underWay < this.options.concurrency) {
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
}
