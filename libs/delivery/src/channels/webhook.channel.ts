import { Webhook } from 'standardwebhooks';
import type { Dispatcher } from 'undici';
import type { ChannelSender, Delivery, SendOutcome } from '../port.js';
import { post } from './http-post.js';

export interface WebhookOptions {
  url: string;
  /** `whsec_…`; the first is the current one, a second is still or already accepted during a rotation. */
  secrets: string[];
  agent: Promise<Dispatcher>;
  body(delivery: Delivery): string;
}

/** Standard Webhooks: `webhook-id` is the delivery's id and the same over all attempts, one signature per secret (I24). */
export class WebhookChannel implements ChannelSender {
  readonly channel = 'webhook';
  private readonly url: URL;
  private readonly signers: Webhook[];

  constructor(private readonly options: WebhookOptions) {
    this.url = new URL(options.url);
    this.signers = options.secrets.map((secret) => new Webhook(secret));
  }

  async open(delivery: Delivery) {
    return { kind: 'open' as const, send: () => this.send(delivery), abandon: () => undefined };
  }

  async close(): Promise<void> {}

  private async send(delivery: Delivery): Promise<SendOutcome> {
    const body = this.options.body(delivery);
    const at = new Date();
    const answer = await post(
      this.options.agent,
      this.url,
      {
        'content-type': 'application/json',
        'webhook-id': delivery.id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': this.signers.map((signer) => signer.sign(delivery.id, at, body)).join(' '),
      },
      body,
    );
    if ('kind' in answer) return answer;
    const { status } = answer;
    if (status >= 200 && status < 300) return { kind: 'sent' };
    if (status === 410) return { kind: 'failed', reason: 'endpoint-gone', error: 'HTTP 410' };
    if (status >= 300 && status < 400) return { kind: 'failed', reason: 'redirected', error: `HTTP ${status}` };
    return { kind: 'retry', error: `HTTP ${status}`, afterMs: answer.retryAfterMs };
  }
}
