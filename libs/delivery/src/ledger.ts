import { DomainError, fp, inTransaction, type Logger, type Pool } from '#libs/platform';
import { claim, markHandedOff, type Claim } from './claim.store.js';
import { commitEndings, type Ending } from './commit.store.js';
import { backOffMs } from './domain/back-off.js';
import { Grouped, type Grouping } from './grouped.js';
import type { HandOut } from './hand-out.js';
import type { ChannelSender, Delivery, MailPolicy, Purpose, SendOutcome } from './port.js';

export interface LedgerOptions {
  pool: Pool;
  senders: ChannelSender[];
  handOut: Pick<HandOut, 'add'>;
  log: Logger;
  policy?: MailPolicy;
  /** Longer than any send may take. */
  leaseMs?: number;
  /** Told about each attempt: state, channel, purpose and seconds since the delivery was made. */
  observe?: (end: { purpose: string; channel: string; state: string; ageMs: number }) => void;
}

/** claim → connect → mark handed off → send → commit. Whatever dies in between, the row says what may have happened. */
export class SendLedger {
  readonly leaseMs: number;
  /** Many mails under way wait for each other a little, for a statement costs as much for one as for ten; one alone does not. */
  private readonly inCompany: Grouping = {
    most: 200,
    concurrency: 1,
    lingerMs: 25,
    enough: () => Math.min(40, Math.ceil(this.mails / 4)),
  };
  private readonly senders: Map<string, ChannelSender>;
  private readonly claims: Record<'any' | 'alert', Grouped<string, Claim>>;
  private readonly marks: Record<Purpose, Grouped<Delivery, boolean>>;
  private readonly commits: Record<Purpose, Grouped<Ending, boolean>>;
  private mails = 0;

  constructor(private readonly options: LedgerOptions) {
    const { pool, policy } = options;
    this.leaseMs = options.leaseMs ?? 60_000;
    this.senders = new Map(options.senders.map((sender) => [sender.channel, sender]));
    // alerts have groups of their own: none waits for a statement about mails
    const ofPurpose = <I, O>(call: (items: I[]) => Promise<O[]>): Record<Purpose, Grouped<I, O>> => ({
      alert: new Grouped(call),
      nurture: new Grouped(call, this.inCompany),
    });
    this.claims = {
      any: new Grouped((ids) => claim(pool, ids, this.leaseMs, policy), this.inCompany),
      alert: new Grouped((ids) => claim(pool, ids, this.leaseMs, policy, 'alert')),
    };
    this.marks = ofPurpose((held) => markHandedOff(pool, held, this.leaseMs));
    this.commits = ofPurpose((endings) => commitEndings(pool, endings));
  }

  /**
   * Attempts one delivery, if it is due and free. Throws only for the database being away; then the lease runs out.
   * `alert`: it is known to be one, and waits behind no gate of mails.
   */
  async deliver(id: string, what: 'any' | 'alert' = 'any'): Promise<void> {
    if (what === 'alert') return this.take(id, what);
    this.mails += 1;
    await this.take(id, what).finally(() => (this.mails -= 1));
  }

  private async take(id: string, what: 'any' | 'alert'): Promise<void> {
    const claimed = await this.claims[what].add(id);
    if (claimed.kind === 'refused') this.refused(id, claimed);
    if (claimed.kind !== 'claimed') return;
    fp('worker.after_claim');
    const started = performance.now();
    const { delivery } = claimed;
    const outcome = await this.attempt(delivery);
    if (outcome) await this.commit(delivery, outcome, delivery.claimedAt + Math.round(performance.now() - started));
  }

  private refused(id: string, claimed: Extract<Claim, { kind: 'refused' }>): void {
    const { run, step, reason, laterInMs, attempt } = claimed;
    if (laterInMs !== null)
      this.options.handOut.add([{ id, purpose: 'nurture', channel: 'email', attempt, dueInMs: laterInMs }]);
    else this.options.policy?.ended?.({ id, run, step, state: 'suppressed', reason });
  }

  private async attempt(delivery: Delivery): Promise<SendOutcome | undefined> {
    const sender = this.senders.get(delivery.channel);
    if (!sender)
      return { kind: 'failed', reason: 'channel-off', error: `no ${delivery.channel} channel is configured` };
    const opened = await sender.open(delivery).catch(asOutcome);
    if (opened.kind !== 'open') return opened;
    const held = await this.marks[delivery.purpose].add(delivery).catch((error: unknown) => error);
    if (held !== true) {
      opened.abandon();
      // the lease runs out and another attempt follows, whether it was lost or the database did not answer
      this.options.log.warn(
        { delivery: delivery.id, ...(held === false ? { lease: 'lost' } : { err: held }) },
        'hand-off not marked, not sent',
      );
      return undefined;
    }
    fp('worker.after_handoff');
    const outcome = await opened
      .send()
      .catch((error: Error): SendOutcome => ({ kind: 'unknown', error: error.message }));
    fp('worker.after_send');
    return outcome;
  }

  private async commit(delivery: Delivery, outcome: SendOutcome, at: number): Promise<void> {
    const ending = endingOf(delivery, outcome, at);
    const bounced = outcome.kind === 'failed' && outcome.bounced === true;
    const held = bounced ? await this.commitBounce(ending) : await this.commits[delivery.purpose].add(ending);
    const { log, policy, handOut, observe } = this.options;
    if (!held) {
      log.warn({ delivery: delivery.id, state: ending.state }, 'lease lost, the outcome changes nothing');
      return;
    }
    observe?.({
      purpose: delivery.purpose,
      channel: delivery.channel,
      state: ending.state,
      ageMs: at - delivery.createdAt.getTime(),
    });
    if (ending.state === 'pending') {
      log.info(
        { delivery: delivery.id, attempt: delivery.attempt, retryInMs: ending.afterMs },
        'attempt failed, trying again',
      );
      handOut.add([{ ...delivery, dueInMs: ending.afterMs }]);
    } else
      policy?.ended?.({
        id: delivery.id,
        run: delivery.run,
        step: delivery.step,
        state: ending.state,
        reason: ending.reason,
      });
  }

  /** The suppression commits with the failure that caused it (I22). */
  private commitBounce(ending: Ending): Promise<boolean> {
    return inTransaction(this.options.pool, async (client) => {
      const [held] = await commitEndings(client, [ending]);
      if (held) await this.options.policy?.bounced(client, ending.delivery);
      return held === true;
    });
  }
}

/** An alert whose answer was lost is sent again with the same id; a nurture mail is held as unknown. */
function endingOf(delivery: Delivery, outcome: SendOutcome, at: number): Ending {
  const ending = { delivery, at, reason: null, error: null, providerId: null, afterMs: 0 };
  const again = backOffMs(delivery.attempt, delivery.id);
  switch (outcome.kind) {
    case 'sent':
      return { ...ending, state: 'sent', providerId: outcome.providerId ?? null };
    case 'retry':
      return { ...ending, state: 'pending', error: outcome.error, afterMs: Math.max(again, outcome.afterMs ?? 0) };
    case 'failed':
      return { ...ending, state: 'failed', reason: outcome.reason, error: outcome.error };
    case 'unknown':
      if (delivery.purpose === 'alert') return { ...ending, state: 'pending', error: outcome.error, afterMs: again };
      return { ...ending, state: 'unknown', reason: 'answer-lost', error: outcome.error };
  }
}

const asOutcome = (error: unknown): SendOutcome =>
  error instanceof DomainError
    ? { kind: 'failed', reason: error.code, error: error.detail }
    : { kind: 'retry', error: (error as Error).message };
