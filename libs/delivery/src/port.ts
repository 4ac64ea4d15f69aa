import type { PoolClient } from '#libs/platform';
import type { Channel, Purpose } from './domain/lane.js';

export type { Channel, Purpose };
export type NoticeKind = 'crossing' | 'stage' | 'segment' | 'signal' | 'condition';

/** A row of `outbox`: something the projection decided or saw, and somebody listens to. */
export interface Notice {
  id: number;
  key: string;
  kind: NoticeKind;
  name: string;
  lead: number;
  subjectKey: string;
  /** The decision, or the fact behind a signal notice. */
  event: string;
  /** Null when loud. */
  quietCause: string | null;
  payload: Record<string, unknown>;
  createdAt: Date;
}

/**
 * Turns notices into runs and deliveries. Called inside the relay's transaction, which also takes the notices: all of it
 * commits or none. Must be idempotent by unique keys; a notice may come again after a rollback. Handlers of one notice work
 * side by side on the one client.
 */
export interface NoticeHandler {
  kinds: readonly NoticeKind[];
  handle(client: PoolClient, notices: Notice[]): Promise<Handled>;
}

export interface Handled {
  /** Made already (`createDeliveries`): handed out right after the commit. */
  created?: CreatedDelivery[];
  /** To be made: the relay writes them together with the commit. */
  wanted?: NewDelivery[];
}

export interface NewDelivery {
  /** Unique for ever: `<run>:<step>` or `alert:<crossing decision>:<channel>`. The id derives from it. */
  key: string;
  purpose: Purpose;
  channel: Channel;
  lead: number;
  subjectKey: string;
  /** email: the normalised address (`normalizeEmail`). Others: none, the endpoint is configuration. */
  recipient?: string;
  run?: string;
  step?: string;
  crossing?: string;
  /** Default: now. */
  dueAt?: Date;
  /** From dueAt; pending past it ends the delivery. Default: 24 hours. */
  limitMs?: number;
  /** Born suppressed, with this reason; never sent. */
  suppressed?: string;
  /** What the renderer needs. nurture: { template, version, locale, … } */
  payload: Record<string, unknown>;
}

/** What the hand-out needs to know. */
export interface CreatedDelivery {
  id: string;
  purpose: Purpose;
  channel: Channel;
  attempt: number;
  /** Milliseconds until due, by the database's clock; 0 or less: now. */
  dueInMs: number;
}

/** A delivery this process has claimed: it may act as long as it holds the lease. */
export interface Delivery {
  id: string;
  key: string;
  purpose: Purpose;
  channel: Channel;
  lead: number;
  subjectKey: string;
  recipient: string | null;
  run: string | null;
  step: string | null;
  crossing: string | null;
  /** 1 at the first claim. */
  attempt: number;
  repeats: number;
  payload: Record<string, unknown>;
  createdAt: Date;
  leaseToken: string;
  /** The database's time of the claim, ms. */
  claimedAt: number;
}

export interface RenderedMail {
  subject: string;
  html: string;
  text: string;
  /** List-Unsubscribe, List-Unsubscribe-Post, Feedback-ID … Values with line breaks are refused. */
  headers?: Record<string, string>;
  /** Display names; the addresses are MAIL_FROM and the delivery's recipient. */
  fromName?: string;
  toName?: string;
  replyTo?: { name?: string; address: string };
}

/**
 * The send gate: policy as SQL, evaluated in the very statement that claims. `sql` is a select of exactly one row over
 * the delivery `d` with the columns `refusal text` (null: may go) and `until timestamptz` (null: a refusal ends the
 * delivery as suppressed with that reason; else it is put off to then). `$policy` in it stands for the jsonb of `policy`.
 * Suppression by address is already checked for every email, before this gate.
 */
export interface SendGate {
  /** A select of exactly one row about no delivery in particular, asked once for all of a claim; `sql` reads it as `once`. */
  once?: string;
  sql: string;
  policy: Record<string, unknown>;
}

/** What nurture supplies for its mails. */
export interface MailPolicy {
  gate: SendGate;
  /** Throwing `DomainError` fails the delivery with its code as the reason; any other error is tried again. */
  render(delivery: Delivery): Promise<RenderedMail>;
  /** The receiving server refused the address for good: called in the transaction that records `failed`. */
  bounced(client: PoolClient, delivery: Delivery): Promise<void>;
  /** The delivery ended (sent, failed, suppressed, cancelled, unknown); called after the commit, to wake its run. */
  ended?(delivery: {
    id: string;
    run: string | null;
    step: string | null;
    state: DeliveryState;
    reason: string | null;
  }): void;
}

export type DeliveryState = 'pending' | 'sending' | 'sent' | 'failed' | 'suppressed' | 'unknown' | 'cancelled';

/** What became of one attempt. */
export type SendOutcome =
  | { kind: 'sent'; providerId?: string }
  /** Surely not received; worth another attempt. */
  | { kind: 'retry'; error: string; afterMs?: number }
  /** Surely not received, and never will be. `bounced`: the address itself is bad. */
  | { kind: 'failed'; reason: string; error: string; bounced?: boolean }
  /** It may have been received: the answer was lost. */
  | { kind: 'unknown'; error: string };

/**
 * One way to the outside. `open` connects (and may fail: then nothing was handed off); the ledger then marks the hand-off
 * and calls `send`. Neither throws.
 */
export interface ChannelSender {
  readonly channel: Channel;
  open(delivery: Delivery): Promise<OpenedSend | SendOutcome>;
  close(): Promise<void>;
}

export interface OpenedSend {
  kind: 'open';
  send(): Promise<SendOutcome>;
  /** The lease was lost before the hand-off: give the connection back unused. */
  abandon(): void;
}
