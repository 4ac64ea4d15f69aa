import nodemailer from 'nodemailer';
import { DomainError } from '#libs/platform';
import { headerText, isMailAddress, isSafeHeader } from '../domain/mail-address.js';
import type { ChannelSender, Delivery, OpenedSend, RenderedMail, SendOutcome } from '../port.js';
import { SmtpPool, type SmtpOptions } from './smtp-pool.js';

export interface EmailOptions extends SmtpOptions {
  from: { name: string; address: string };
  dkim?: { domainName: string; keySelector: string; privateKey: string };
  render(delivery: Delivery): Promise<RenderedMail>;
}

// nodemailer signs all of these but the last by default; one-click unsubscribing must be covered (RFC 8058)
const dkimHeaders =
  'From:Sender:Reply-To:Subject:Date:Message-ID:To:Cc:MIME-Version:Content-Type:Content-Transfer-Encoding:List-Id:List-Unsubscribe:List-Unsubscribe-Post';

// a lease must outlive the line and the sending
const mostInLineMs = 10_000;

/** Renders, composes and connects before the hand-off; after it only SMTP happens. */
export class EmailChannel implements ChannelSender {
  readonly channel = 'email';
  private readonly pool: SmtpPool;
  private readonly composer;

  constructor(private readonly options: EmailOptions) {
    this.pool = new SmtpPool(options);
    this.composer = nodemailer.createTransport({
      streamTransport: true,
      buffer: true,
      newline: 'windows',
      ...(options.dkim && { dkim: { ...options.dkim, headerFieldNames: dkimHeaders } }),
    });
  }

  async open(delivery: Delivery): Promise<OpenedSend | SendOutcome> {
    const to = delivery.recipient ?? '';
    if (!isMailAddress(to))
      return { kind: 'failed', reason: 'bad-address', error: 'not an address that can be mailed' };
    const message = await this.compose(delivery, to, await this.options.render(delivery));
    await this.pool.reserve();
    return {
      kind: 'open',
      abandon: () => this.pool.unreserve(),
      send: () => this.send(to, message).finally(() => this.pool.unreserve()),
    };
  }

  private async send(to: string, message: Buffer): Promise<SendOutcome> {
    const handedOff = performance.now();
    let connection;
    try {
      connection = await this.pool.acquire();
    } catch (error) {
      return { kind: 'retry', error: (error as Error).message };
    }
    if (performance.now() - handedOff > mostInLineMs) {
      this.pool.release(connection, true);
      return { kind: 'retry', error: 'the mail server is too slow: no connection was free in time' };
    }
    return new Promise((resolve) =>
      connection.send({ from: this.options.from.address, to: [to] }, message, (error, info) => {
        this.pool.release(connection, !error);
        resolve(error ? outcomeOf(error) : { kind: 'sent', providerId: info?.response?.slice(0, 200) });
      }),
    );
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  private async compose(delivery: Delivery, to: string, mail: RenderedMail): Promise<Buffer> {
    const { from } = this.options;
    const headers = Object.entries(mail.headers ?? {});
    const bad = headers.find(([name, value]) => !isSafeHeader(name, value));
    if (bad || (mail.replyTo && !isMailAddress(mail.replyTo.address)))
      throw new DomainError('bad-header', 'a header of the mail holds what no header may hold');
    const composed = await this.composer.sendMail({
      from: { name: headerText(mail.fromName ?? from.name), address: from.address },
      to: { name: headerText(mail.toName ?? ''), address: to },
      ...(mail.replyTo && { replyTo: { name: headerText(mail.replyTo.name ?? ''), address: mail.replyTo.address } }),
      envelope: { from: from.address, to },
      subject: headerText(mail.subject),
      html: mail.html,
      text: mail.text,
      // said beforehand: finding it out and quoting Japanese text cost more than the rest of composing
      textEncoding: isAscii(mail.html) && isAscii(mail.text) ? 'quoted-printable' : 'base64',
      headers: Object.fromEntries(headers),
      // the same over all attempts, so that a repeat can be recognised
      messageId: `<${delivery.id}@${from.address.split('@')[1]}>`,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    return composed.message as Buffer;
  }
}

const isAscii = (text: string): boolean => !/[^\x00-\x7f]/.test(text);

interface SmtpError {
  responseCode?: number;
  command?: string;
  code?: string;
  message: string;
}

/** What the server said, or at which command it fell silent. No text of the server: it often quotes the address. */
function outcomeOf(error: SmtpError): SendOutcome {
  const { responseCode, command = '' } = error;
  const what = `SMTP ${responseCode ?? error.code ?? ''} ${command}`.trim();
  if (responseCode !== undefined && responseCode >= 500) {
    const atRecipient = command === 'RCPT TO' || error.code === 'EENVELOPE';
    const badMailbox = atRecipient && [550, 551, 553].includes(responseCode) && !/\b5\.7\.\d/.test(error.message);
    return { kind: 'failed', reason: badMailbox ? 'bounced' : 'refused', error: what, bounced: badMailbox };
  }
  if (responseCode !== undefined) return { kind: 'retry', error: what };
  // silence before DATA: surely not accepted
  if (command && command !== 'DATA') return { kind: 'retry', error: what };
  return { kind: 'unknown', error: what };
}
