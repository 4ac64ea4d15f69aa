/**
 * Hands out a bounded number of places, lower lanes first served. While a more urgent lane says that it is behind, no
 * place goes to a later one, not even between two fetches.
 */
export class Lanes {
  private free: number;
  /** One place more than asked for, never given to a later lane: an urgent record waits for no long batch to end. */
  private readonly kept: number;
  private readonly waiting: { lane: number; grant(granted: boolean): void }[] = [];
  private readonly behind: Set<string>[] = [];

  constructor(concurrency: number, lanes: number) {
    this.kept = lanes > 1 && concurrency > 1 ? 1 : 0;
    this.free = concurrency + this.kept;
  }

  /** False when the wait was given up because of `signal`. */
  enter(lane: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    if (this.mayGo(lane) && !this.waiting.some((each) => each.lane <= lane)) {
      this.free -= 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const waiter = {
        lane,
        grant: (granted: boolean) => (signal.removeEventListener('abort', giveUp), resolve(granted)),
      };
      const giveUp = () => {
        this.waiting.splice(this.waiting.indexOf(waiter), 1);
        resolve(false);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.waiting.push(waiter);
    });
  }

  leave(): void {
    this.free += 1;
    this.grant();
  }

  /** `partition` of this lane holds (or no longer holds) records that nobody has looked at. */
  setBehind(lane: number, partition: string, isBehind: boolean): void {
    const set = (this.behind[lane] ??= new Set());
    if (isBehind) set.add(partition);
    else if (set.delete(partition) && set.size === 0) this.grant();
  }

  clear(lane: number): void {
    this.behind[lane]?.clear();
    this.grant();
  }

  private grant(): void {
    while (this.waiting.length > 0) {
      const first = this.waiting.reduce((best, each) => (each.lane < best.lane ? each : best));
      if (!this.mayGo(first.lane)) return;
      this.waiting.splice(this.waiting.indexOf(first), 1);
      this.free -= 1;
      first.grant(true);
    }
  }

  private mayGo(lane: number): boolean {
    if (this.free <= (lane > 0 ? this.kept : 0)) return false;
    return !this.behind.slice(0, lane).some((partitions) => partitions && partitions.size > 0);
  }
}
