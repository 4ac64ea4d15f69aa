import { setTimeout as delay } from 'node:timers/promises';
import type { Logger, Progress } from '#libs/platform';

/**
 * Runs `work` when woken and, as a net, every `idleMs`; again at once while it says there is more. One run at a time. A
 * failure is tried again with back-off, and a loop that never succeeds stops beating: the watchdog ends the process.
 */
export class Pump {
  private running?: Promise<void>;
  private again = false;
  private stopped = false;
  private failures = 0;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly options: {
      name: string;
      idleMs: number;
      work: () => Promise<boolean>;
      log: Logger;
      progress?: Progress;
      /** Between two runs at least, so that many small wakes make few large batches. */
      restMs?: number;
    },
  ) {}

  start(): this {
    this.wake();
    return this;
  }

  wake(): void {
    if (this.stopped) return;
    this.again = true;
    this.running ??= this.run().finally(() => {
      this.running = undefined;
      if (this.again) this.wake();
    });
  }

  /** Finishes the run under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.again = false;
    clearTimeout(this.timer);
    this.options.progress?.done(this.options.name);
    await this.running;
  }

  private async run(): Promise<void> {
    clearTimeout(this.timer);
    let waitMs = this.options.idleMs;
    try {
      let more = true;
      while ((more || this.again) && !this.stopped) {
        this.again = false;
        more = await this.options.work();
        this.failures = 0;
        this.options.progress?.beat(this.options.name);
        if (this.options.restMs !== undefined && !more && !this.stopped) await delay(this.options.restMs);
      }
    } catch (error) {
      this.again = false;
      this.failures += 1;
      waitMs = Math.min(this.options.idleMs, 100 * 2 ** Math.min(this.failures, 8));
      this.options.log.warn(
        { loop: this.options.name, failures: this.failures, err: error },
        'loop failed, trying again',
      );
    }
    if (!this.stopped) this.timer = setTimeout(() => this.wake(), waitMs);
  }
}
