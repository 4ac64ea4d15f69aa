import pg from 'pg';
import type { Logger } from '#libs/platform';

/**
 * A connection of its own that listens: a NOTIFY calls the channel's listener. Lost, it comes back by itself and wakes
 * everybody once, because notices may have passed meanwhile; polling is only the net below that.
 */
export class WakeUp {
  private client?: pg.Client;
  private timer?: NodeJS.Timeout;
  private stopped = false;

  constructor(
    private readonly url: string,
    private readonly listeners: Record<string, () => void>,
    private readonly log: Logger,
  ) {}

  async start(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.url,
      application_name: 'leadfold-worker-listen',
      keepAlive: true,
    });
    this.client = client;
    client.on('notification', ({ channel }) => this.listeners[channel]?.());
    client.on('error', () => undefined);
    client.on('end', () => this.comeBack());
    try {
      await client.connect();
      for (const channel of Object.keys(this.listeners)) await client.query(`listen ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      this.log.warn({ err: error }, 'cannot listen for notices, polling meanwhile');
      client.end().catch(() => undefined);
      this.comeBack();
      return;
    }
    for (const listener of Object.values(this.listeners)) listener();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.client?.end().catch(() => undefined);
  }

  private comeBack(): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.start(), 1_000);
  }
}
