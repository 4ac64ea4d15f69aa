import { HttpSink, SmtpSink, type ReceivedMail } from '#test/sinks';
import { Webhook } from 'standardwebhooks';

export interface ReceivedAlert {
  id: string;
  crossing: string;
  lead: number;
  email?: string;
  at: number;
}

/** The world outside: a mail server and sales' own endpoints. Keeps what it took, also what it took in the moment of a kill. */
export class Outside {
  readonly secret = `whsec_${Buffer.from('a secret of the fault runs, long enough').toString('base64')}`;
  readonly alerts: ReceivedAlert[] = [];
  readonly badSignatures: string[] = [];
  readonly slackTexts: string[] = [];
  /** Called once with the next mail (or alert) in hand, before it is answered: the moment past the hand-off. */
  private mailTrap?: () => void;
  private alertTrap?: () => void;
  private readonly smtp = new SmtpSink();
  private readonly http = new HttpSink();
  private readonly webhook = new Webhook(this.secret);

  async start(): Promise<this> {
    this.smtp.beforeAccept = async () => {
      this.mailTrap?.();
      this.mailTrap = undefined;
    };
    this.http.answer = (post) => {
      if (post.path.startsWith('/slack')) {
        this.slackTexts.push((JSON.parse(post.body) as { text?: string }).text ?? '');
        return { status: 200 };
      }
      try {
        const body = this.webhook.verify(post.body, post.headers as Record<string, string>) as {
          data: { crossing: string; lead: { id: number; email?: string } };
        };
        const { crossing, lead } = body.data;
        this.alerts.push({
          id: String(post.headers['webhook-id']),
          crossing,
          lead: lead.id,
          email: lead.email,
          at: post.at,
        });
      } catch (error) {
        this.badSignatures.push((error as Error).message);
        return { status: 401 };
      }
      const trap = this.alertTrap;
      this.alertTrap = undefined;
      trap?.();
      return { status: 200, delayMs: trap ? 50 : 0 };
    };
    await Promise.all([this.smtp.start(), this.http.start()]);
    return this;
  }

  /** Variables of the worker that point it here. */
  get env(): Record<string, string> {
    return {
      SMTP_URL: this.smtp.url,
      ALERT_WEBHOOK_URL: `${this.http.url}/alerts`,
      ALERT_WEBHOOK_SECRETS: this.secret,
      ALERT_SLACK_WEBHOOK_URL: `${this.http.url}/slack`,
      ALERT_EMAIL_TO: 'sales@faults.example',
      OUTBOUND_ALLOW: '127.0.0.0/8',
    };
  }

  get mails(): readonly ReceivedMail[] {
    return this.smtp.received;
  }

  /** Deliveries that arrived as mail, one entry per copy: the id stands in the Message-ID. */
  mailedDeliveries(): string[] {
    return this.smtp.received.map(
      (mail) => /^message-id:\s*<([0-9a-f-]{36})@/im.exec(mail.raw)?.[1] ?? 'no-message-id',
    );
  }

  onNextMail(act: () => void): void {
    this.mailTrap = act;
  }

  onNextAlert(act: () => void): void {
    this.alertTrap = act;
  }

  async stop(): Promise<void> {
    await Promise.all([this.smtp.stop(), this.http.stop()]);
  }
}
