import type { Logger } from './log.js';

/**
 * Health means progress: a loop calls `beat()` whenever it got an answer, empty ones included. A process whose loop is
 * silent longer than `limitMs` exits, and its supervisor starts it again.
 */
export class Progress {
  private readonly last = new Map<string, number>();
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly log: Logger,
    private readonly limitMs = 60_000,
    private readonly exit: (code: number) => void = (code) => process.exit(code),
  ) {}

  beat(loop: string): void {
    this.last.set(loop, performance.now());
  }

  /** A loop that ended on purpose is watched no longer. */
  done(loop: string): void {
    this.last.delete(loop);
  }

  silentForMs(): Record<string, number> {
    return Object.fromEntries([...this.last].map(([loop, at]) => [loop, Math.round(performance.now() - at)]));
  }

  healthy(): boolean {
    return Object.values(this.silentForMs()).every((ms) => ms < this.limitMs);
  }

  watch(): void {
    this.timer = setInterval(() => {
      if (this.healthy()) return;
      this.log.fatal({ silentForMs: this.silentForMs() }, 'no progress: exiting to be restarted');
      this.exit(1);
    }, 5_000);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
