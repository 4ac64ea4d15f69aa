import type { Dispatcher } from 'undici';
import type { ChannelSender, Delivery, SendOutcome } from '../port.js';
import { post } from './http-post.js';

export interface SlackMessage {
  /** Shown in notifications and where blocks are not. */
  text: string;
  blocks: object[];
}

/** An incoming webhook. Its URL is a secret: it stands in no log and no error. */
export class SlackChannel implements ChannelSender {
  readonly channel = 'slack';
  private readonly url: URL;

  constructor(
    private readonly options: { url: string; agent: Promise<Dispatcher>; message(delivery: Delivery): SlackMessage },
  ) {
    this.url = new URL(options.url);
  }

  async open(delivery: Delivery) {
    return { kind: 'open' as const, send: () => this.send(delivery), abandon: () => undefined };
  }

  async close(): Promise<void> {}

  private async send(delivery: Delivery): Promise<SendOutcome> {
    const { text, blocks } = this.options.message(delivery);
    const body = JSON.stringify({ text, blocks, unfurl_links: false });
    const answer = await post(this.options.agent, this.url, { 'content-type': 'application/json' }, body);
    if ('kind' in answer) return answer;
    if (answer.status === 200) return { kind: 'sent' };
    const error = `HTTP ${answer.status} ${/^[a-z_]{1,40}$/.exec(answer.text.trim())?.[0] ?? ''}`.trim();
    if ([403, 404, 410].includes(answer.status)) return { kind: 'failed', reason: 'slack-refused', error };
    if (answer.status === 400) return { kind: 'failed', reason: 'slack-bad-message', error };
    return { kind: 'retry', error, afterMs: answer.retryAfterMs };
  }
}
