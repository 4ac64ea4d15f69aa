import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface ReceivedAlert {
  /** performance.now() when the whole body was in. */
  at: number;
  webhookId: string;
  body: { type?: string; data?: Record<string, unknown> } & Record<string, unknown>;
}

/** Where sales' own system would be: takes signed webhooks and Slack messages on loopback, and believes only valid signatures. */
export class AlertSink {
  readonly alerts: ReceivedAlert[] = [];
  readonly slackTexts: string[] = [];
  readonly refused: string[] = [];
  private readonly waiting = new Set<() => void>();

  private constructor(
    private readonly server: Server,
    private readonly webhook: Webhook,
  ) {}

  static async start(secret: string): Promise<AlertSink> {
    const server = createServer();
    const sink = new AlertSink(server, new Webhook(secret));
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () =>
        response.writeHead(sink.take(request.url ?? '', request.headers, Buffer.concat(chunks).toString('utf8'))).end(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return sink;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private take(path: string, headers: NodeJS.Dict<string | string[]>, body: string): number {
    const at = performance.now();
    if (path.startsWith('/slack')) this.slackTexts.push((JSON.parse(body) as { text?: string }).text ?? '');
    else {
      try {
        const verified = this.webhook.verify(body, headers as Record<string, string>);
        this.alerts.push({ at, webhookId: String(headers['webhook-id']), body: verified as ReceivedAlert['body'] });
      } catch (error) {
        this.refused.push((error as Error).message);
        return 401;
      }
    }
    for (const wake of this.waiting) wake();
    return 200;
  }

  /** Resolves with the first alert that fits; rejects after `limitMs`. */
  async waitFor(fits: (alert: ReceivedAlert) => boolean, limitMs: number): Promise<ReceivedAlert> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const found = this.alerts.find(fits);
      if (found) return found;
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`No alert arrived within ${limitMs / 1000} s`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, left);
        this.waiting.add(wake);
      });
    }
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}
