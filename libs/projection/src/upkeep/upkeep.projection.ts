import { classifySqlFailure, type Logger, type Pool, type Progress } from '#libs/platform';
import type { ProjectionContext } from '../projection-context.js';
import { refoldOnePending } from './refold-pending.projection.js';
import { reviewAccounts } from './review-accounts.projection.js';
import { reviewDue, reviewOlderRulebook } from './review.projection.js';
import { mostLeads } from '../store/review.store.js';
import { readWaiting, type Waiting } from '../store/waiting.store.js';
import { sweepJudgements } from './sweep.projection.js';

export interface UpkeepOptions {
  pool: Pool;
  context: ProjectionContext;
  log: Logger;
  progress: Progress;
  /** Pause between two rounds that found little, ms. */
  idleMs?: number;
  /** Is the log being caught up with? Reviews then wait, for a while. */
  busy?: () => boolean;
  /** Resolves when a batch that is under way is done; at once where none is. */
  batchDone?: () => Promise<void>;
}

const fullAccounts = 200;
/** Reviews yield to batches, but not for ever. */
const longestYieldMs = 30_000;
/** A batch that waits for something itself is not waited for. */
const longestBatchMs = 1_000;
/** As many leads as are reviewed in this time: an event may have to wait for them. */
const fittingMs = 80;
const fewestLeads = 100;
/** While one take is looked at, the database writes the other. */
const takesAtOnce = 2;
const everybodyMs = 30_000;
/** So long the rest of the upkeep waits for leads of which many are due. */
const longestTakesMs = 1_000;

/**
 * What happens without an event: due reviews, waiting judgements, leads of an older rulebook, long refolds, companies. Projectors
 * at random instants. Everything flips at a day's first instant, so that many may be due at once: between two takes a batch goes
 * first wherever one is under way, and where none is, nobody gains by resting.
 */
export class Upkeep {
  private stopping = false;
  private timer?: NodeJS.Timeout;
  private wake?: () => void;
  private running?: Promise<void>;
  private yieldedSince?: number;
  private accountsFrom = 0;
  private takeOf = mostLeads;
  /** The publish under which nobody was found to be older, and when that is asked again. */
  private derivedFor?: Waiting['publish'];
  private olderFrom = 0;

  constructor(private readonly options: UpkeepOptions) {}

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    this.wake?.();
    await this.running;
    this.options.progress.done('upkeep');
  }

  /** One round; true if more is waiting. */
  async round(): Promise<boolean> {
    const { pool, context } = this.options;
    const waiting = await readWaiting(pool);
    if (waiting.judgements) await sweepJudgements(pool, context);
    if (this.mustYield()) return false;
    const refolded = waiting.refolds && (await refoldOnePending(pool, context));
    const due = waiting.due && (await this.takes((most) => reviewDue(pool, context, most)));
    const older = await this.older(waiting.publish);
    // what was just written may have left marks at companies
    const marked = waiting.accounts || waiting.judgements || waiting.refolds || waiting.due;
    const accounts = marked ? await this.accounts() : 0;
    return refolded || due || older || accounts >= fullAccounts;
  }

  /** True if more is waiting. */
  private async takes(take: (most: number) => Promise<number>): Promise<boolean> {
    const endsAt = performance.now() + longestTakesMs;
    let most = this.takeOf;
    let full = (await take(most)) >= most;
    while (full && performance.now() < endsAt && !this.stopping && !this.options.busy?.()) {
      await this.batchFirst();
      const startedAt = performance.now();
      most = this.takeOf;
      const ends = await Promise.allSettled(Array.from({ length: takesAtOnce }, () => take(most)));
      const taken = ends.map((end) => {
        if (end.status === 'rejected') throw end.reason;
        return end.value;
      });
      full = taken.every((leads) => leads >= most);
      const fitting = (most * fittingMs) / (performance.now() - startedAt);
      this.takeOf = Math.round(Math.max(fewestLeads, Math.min(mostLeads, fitting)));
    }
    return full;
  }

  /** To find nobody, all leads are read: asked when a rulebook was published, else seldom, because a rebuild may bring some back. */
  private async older(publish: Waiting['publish']): Promise<boolean> {
    const { pool, context } = this.options;
    if (publish === this.derivedFor && performance.now() < this.olderFrom) return false;
    let found = 0;
    const more = await this.takes(async (most) => {
      const taken = await reviewOlderRulebook(pool, context, most);
      found += taken;
      return taken;
    });
    if (found > 0) return more;
    this.derivedFor = publish;
    this.olderFrom = performance.now() + everybodyMs;
    return false;
  }

  private async batchFirst(): Promise<void> {
    await new Promise((turn) => setImmediate(turn));
    await Promise.race([this.options.batchDone?.(), this.pause(longestBatchMs)]);
    clearTimeout(this.timer);
  }

  /** A company of thousands is read whole for each lead of it that was written: one twentieth of the time at the most. */
  private async accounts(): Promise<number> {
    const startedAt = performance.now();
    if (startedAt < this.accountsFrom) return 0;
    const reviewed = await reviewAccounts(this.options.pool, this.options.context);
    const endedAt = performance.now();
    this.accountsFrom = endedAt + Math.min(longestYieldMs, 20 * (endedAt - startedAt));
    return reviewed;
  }

  private async run(): Promise<void> {
    const { log, progress, idleMs = 2_500 } = this.options;
    while (!this.stopping) {
      let more = false;
      try {
        more = await this.round();
        progress.beat('upkeep');
      } catch (error) {
        // a database that is away is tried again for ever; anything else is a defect that a restart must show
        log.warn({ err: error }, 'upkeep round failed');
        if (classifySqlFailure(error) === 'infrastructure') progress.beat('upkeep');
      }
      if (more) await this.batchFirst();
      else await this.pause(idleMs * (0.75 + Math.random() / 2));
    }
  }

  private mustYield(): boolean {
    if (!this.options.busy?.()) {
      this.yieldedSince = undefined;
      return false;
    }
    this.yieldedSince ??= performance.now();
    return performance.now() - this.yieldedSince < longestYieldMs;
  }

  private pause(ms: number): Promise<void> {
    if (this.stopping) return Promise.resolve();
    return new Promise((resolve) => {
      this.wake = resolve;
      this.timer = setTimeout(resolve, ms);
    });
  }
}
