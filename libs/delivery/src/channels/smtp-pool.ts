import { connect as connectSocket, type Socket } from 'node:net';
import SMTPConnection from 'nodemailer/lib/smtp-connection';

export interface SmtpOptions {
  /** smtp://user:password@host:port or smtps://… ; `?ignoreTLS=true` for a local sink. */
  url: string;
  maxConnections: number;
  timeoutMs?: number;
}

const idleMs = 30_000;
const linePerConnection = 4;

/**
 * nodemailer's connections, pooled here, because its own pool connects and sends in one call: the ledger must mark the
 * hand-off between the two.
 */
export class SmtpPool {
  private readonly idle: { connection: SMTPConnection; timer: NodeJS.Timeout }[] = [];
  private readonly waiting: ((retry: void) => void)[] = [];
  private readonly queueing: ((go: void) => void)[] = [];
  private open = 0;
  private reserved = 0;
  private proving?: Promise<void>;

  constructor(private readonly options: SmtpOptions) {}

  /**
   * A place in the short line before the connections, while the server is known to answer; rejects when it does not.
   * Thus what is marked together goes out together: a mark for each free connection would cost a commit per few mails.
   */
  async reserve(): Promise<void> {
    while (this.reserved >= this.options.maxConnections * linePerConnection)
      await new Promise<void>((resolve) => this.queueing.push(resolve));
    this.reserved += 1;
    try {
      if (this.open === 0 || this.proving) await (this.proving ??= this.prove());
    } catch (error) {
      this.unreserve();
      throw error;
    }
  }

  unreserve(): void {
    this.reserved -= 1;
    this.queueing.shift()?.();
  }

  private async prove(): Promise<void> {
    try {
      this.release(await this.acquire(), true);
    } finally {
      this.proving = undefined;
    }
  }

  /** A connection ready for one message. Rejects when none can be made. */
  async acquire(): Promise<SMTPConnection> {
    for (;;) {
      const free = this.idle.pop();
      if (free) {
        clearTimeout(free.timer);
        return free.connection;
      }
      if (this.open < this.options.maxConnections) break;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.open += 1;
    try {
      return await this.connect();
    } catch (error) {
      this.gone();
      throw error;
    }
  }

  release(connection: SMTPConnection, usable: boolean): void {
    if (!usable || connection.destroyed) return connection.close();
    const timer = setTimeout(() => connection.quit(), idleMs);
    timer.unref();
    this.idle.push({ connection, timer });
    this.waiting.shift()?.();
  }

  async close(): Promise<void> {
    for (const { connection, timer } of this.idle.splice(0)) {
      clearTimeout(timer);
      connection.quit();
    }
  }

  private gone(): void {
    this.open -= 1;
    this.waiting.shift()?.();
  }

  private async connect(): Promise<SMTPConnection> {
    const url = new URL(this.options.url);
    const secure = url.protocol === 'smtps:';
    const port = Number(url.port || (secure ? 465 : 587));
    const timeout = this.options.timeoutMs ?? 10_000;
    const socket = await openSocket(url.hostname.replace(/^\[|\]$/g, ''), port, timeout);
    const connection = new SMTPConnection({
      connection: socket,
      host: url.hostname,
      port,
      secure,
      ignoreTLS: url.searchParams.get('ignoreTLS') === 'true',
      requireTLS: url.searchParams.get('requireTLS') === 'true',
      greetingTimeout: timeout,
      socketTimeout: timeout,
      dnsTimeout: timeout,
    });
    await new Promise<void>((resolve, reject) => {
      connection.once('error', reject);
      connection.once('end', () => reject(new Error('the mail server closed the connection')));
      connection.connect((error) => (error ? reject(error) : resolve()));
    }).catch((error: unknown) => {
      connection.close();
      throw error;
    });
    if (url.username) await login(connection, decodeURIComponent(url.username), decodeURIComponent(url.password));
    connection.on('error', () => connection.close());
    connection.once('end', () => this.drop(connection));
    return connection;
  }

  private drop(connection: SMTPConnection): void {
    const at = this.idle.findIndex((entry) => entry.connection === connection);
    if (at >= 0) clearTimeout(this.idle.splice(at, 1)[0]!.timer);
    this.gone();
  }
}

function openSocket(host: string, port: number, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // without noDelay a small message waits for the delayed ACK of the one before: 40 ms each
    const socket = connectSocket({ host, port, noDelay: true, keepAlive: true });
    const timer = setTimeout(() => socket.destroy(new Error('connecting to the mail server took too long')), timeoutMs);
    socket.once('error', reject);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('close', () => clearTimeout(timer));
  });
}

function login(connection: SMTPConnection, user: string, pass: string): Promise<void> {
  return new Promise((resolve, reject) =>
    connection.login({ credentials: { user, pass } }, (error) => {
      if (!error) return resolve();
      connection.close();
      reject(error);
    }),
  );
}
