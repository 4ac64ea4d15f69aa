import fs from 'node:fs/promises';
import path from 'node:path';
import { within, type Logger, type Queryable } from '#libs/platform';
import { sourceOf, type Source } from './domain/index.js';
import { hashWriteKey } from './write-key.js';

interface Row {
  hash: string;
  id: string;
  idSpace: string;
  settings: unknown;
}

export interface DirectoryOptions {
  /** Where the copy lies that serves while PostgreSQL is away. */
  folder: string;
  /** A revoked key is refused after this and one query at the latest. */
  intervalMs?: number;
}

const statement = `
  select k.hash, s.id, s.id_space as "idSpace", s.settings
  from write_key k join source s on s.id = k.source
  where k.revoked_at is null and s.revoked_at is null
  order by k.hash`;

/** Who may send: read every few seconds, kept on disk, so that PostgreSQL away stops no collecting. */
export class SourceDirectory {
  private byHash: ReadonlyMap<string, Source> | undefined;
  private readonly byKey = new Map<string, Source>();
  private current = '';
  private timer: NodeJS.Timeout | undefined;
  private reading: Promise<boolean> | undefined;
  private readAt = -Infinity;
  private closed = false;

  constructor(
    private readonly db: Queryable,
    private readonly options: DirectoryOptions,
    private readonly log: Logger,
  ) {}

  /** Ready when this resolves, unless there is neither a database nor a copy; it goes on trying. */
  async open(): Promise<void> {
    if (!(await this.refresh())) await this.readCopy();
    const again = async () => {
      await this.refresh();
      if (!this.closed) this.timer = setTimeout(() => void again(), this.interval).unref();
    };
    this.timer = setTimeout(() => void again(), this.interval).unref();
  }

  /** False until a list was read from anywhere: nobody can be refused for an unknown key before. */
  get loaded(): boolean {
    return this.byHash !== undefined;
  }

  /** True when the list came from PostgreSQL, not from the copy. */
  get fresh(): boolean {
    return this.readAt > -Infinity;
  }

  /** Seconds since PostgreSQL last told the list. */
  get ageSeconds(): number {
    return this.fresh ? Math.round((performance.now() - this.readAt) / 1000) : -1;
  }

  find(key: string): Source | undefined {
    const known = this.byKey.get(key);
    if (known) return known;
    const source = this.byHash?.get(hashWriteKey(key));
    if (source) this.byKey.set(key, source);
    return source;
  }

  /** Looks again, once a second at most, before a key is called unknown: it may have been made just now. */
  async findFresh(key: string): Promise<Source | undefined> {
    const source = this.find(key);
    if (source || performance.now() - this.readAt < 1_000) return source;
    await this.refresh();
    return this.find(key);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.reading;
  }

  private get interval(): number {
    return this.options.intervalMs ?? 3_000;
  }

  private get file(): string {
    return path.join(this.options.folder, 'sources.json');
  }

  private refresh(): Promise<boolean> {
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async read(): Promise<boolean> {
    try {
      const { rows } = await within(5_000, this.db.query<Row>(statement));
      this.readAt = performance.now();
      const text = JSON.stringify(rows);
      if (text === this.current && this.byHash) return true;
      this.take(rows, text);
      await this.writeCopy(text);
      return true;
    } catch (error) {
      this.log.warn({ err: error }, 'sources could not be read: the last list stays in force');
      return false;
    }
  }

  private take(rows: Row[], text: string): void {
    const sources = new Map<string, Source>();
    const byHash = new Map<string, Source>();
    for (const row of rows) {
      const source = sources.get(row.id) ?? sourceOf(row);
      sources.set(row.id, source);
      byHash.set(row.hash, source);
    }
    this.byHash = byHash;
    this.byKey.clear();
    this.current = text;
  }

  private async writeCopy(text: string): Promise<void> {
    try {
      await fs.mkdir(this.options.folder, { recursive: true });
      const partial = `${this.file}.${process.pid}`;
      await fs.writeFile(partial, text, { mode: 0o600 });
      await fs.rename(partial, this.file);
    } catch (error) {
      this.log.warn({ err: error }, 'the copy of the sources could not be written');
    }
  }

  private async readCopy(): Promise<void> {
    const text = await fs.readFile(this.file, 'utf8').catch(() => undefined);
    if (text === undefined) return;
    try {
      this.take(JSON.parse(text) as Row[], text);
      this.log.warn({}, 'collecting with the copy of the sources on disk');
    } catch (error) {
      this.log.error({ err: error }, 'the copy of the sources is damaged');
    }
  }
}
