import type { ClientBase, Connection, FieldDef, PoolClient, QueryConfig, Submittable } from 'pg';

type Value = string | number | boolean | Buffer | null | undefined;
type Sent = string | Buffer | null;
type Config = Omit<QueryConfig, 'values'> & { rowMode?: 'array'; values?: Value[] };

interface Column {
  name: string;
  parse: (text: string) => unknown;
}

interface Asked {
  config: Config;
  values: Sent[];
  columns: Column[] | undefined;
  rows: unknown[];
  resolve(result: object): void;
  reject(error: Error): void;
}

/** What the driver's connection can do beside what its types say: they ask for an argument it does not have. */
type Wire = Connection & {
  parsedStatements: Record<string, string>;
  parse(message: object): void;
  bind(message: object): void;
  describe(message: object): void;
  execute(message: object | null): void;
  close(message: object): void;
};

/** Columns of the statements that a connection has prepared by name: asked for once, not with every execution. */
const prepared = new WeakMap<Connection, Map<string, Column[] | undefined>>();

/**
 * Statements that are asked for in one turn of the program travel together and come back together: one message, one Sync. They
 * run one after the other, each with a snapshot of its own, as if each had been waited for. After an error the server skips
 * the rest, so all that were asked for with the failed one fail with its error.
 */
export class StatementPipeline {
  private asked: Asked[] = [];
  private readonly pending: Promise<unknown>[] = [];
  /** The first error, for whoever finds the transaction rolled back. */
  failure: Error | undefined;

  constructor(private readonly client: PoolClient) {}

  readonly query = ((config: Config | string, values?: Value[]) =>
    this.ask(typeof config === 'string' ? { text: config, ...(values && { values }) } : config)) as ClientBase['query'];

  /** What nobody waits for before the transaction's end; where it fails, the transaction does. */
  later(work: Promise<unknown>): void {
    this.note(work);
    this.pending.push(work);
  }

  /** All that was left for later is done. */
  async settled(): Promise<void> {
    await Promise.all(this.pending);
  }

  private note(work: Promise<unknown>): void {
    work.catch((error: Error) => (this.failure ??= error));
  }

  private ask(config: Config): Promise<object> {
    const answer = new Promise<object>((resolve, reject) => {
      const values = (config.values ?? []).map(sendable);
      if (this.asked.length === 0) process.nextTick(() => this.send());
      this.asked.push({ config, values, columns: undefined, rows: [], resolve, reject });
    });
    this.note(answer);
    return answer;
  }

  private send(): void {
    const { asked } = this;
    this.asked = [];
    this.client.query(new Flight(asked, (oid) => this.client.getTypeParser(oid, 'text') as Column['parse']));
  }
}

/** One message to the server, in the eyes of the driver one query. */
class Flight implements Submittable {
  private at = 0;
  private wire!: Wire;

  constructor(
    private readonly asked: readonly Asked[],
    private readonly parserOf: (oid: number) => Column['parse'],
  ) {}

  submit(connection: Connection): void {
    this.wire = connection as Wire;
    const { stream } = this.wire;
    stream.cork();
    try {
      for (const one of this.asked) this.put(one);
      this.wire.sync();
    } finally {
      stream.uncork();
    }
  }

  private put(one: Asked): void {
    const { wire } = this;
    const { name = '', text } = one.config;
    const known = this.known();
    const isKnown = name !== '' && known.has(name);
    if (isKnown) one.columns = known.get(name);
    else {
      // whether it was prepared before an error came is not known: closing what is not there is no error
      if (name !== '') wire.close({ type: 'S', name });
      wire.parse({ name, text });
    }
    wire.bind({ statement: name, values: one.values });
    if (!isKnown) wire.describe({ type: 'P' });
    wire.execute(null);
  }

  private known(): Map<string, Column[] | undefined> {
    let known = prepared.get(this.wire);
    if (!known) prepared.set(this.wire, (known = new Map()));
    return known;
  }

  handleRowDescription({ fields }: { fields: FieldDef[] }): void {
    this.asked[this.at]!.columns = fields.map(({ name, dataTypeID }) => ({ name, parse: this.parserOf(dataTypeID) }));
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    const { config, columns, rows } = this.asked[this.at]!;
    const value = (text: string | null, index: number): unknown =>
      text === null ? null : columns![index]!.parse(text);
    if (config.rowMode === 'array') rows.push(fields.map(value));
    else {
      const row: Record<string, unknown> = {};
      for (let index = 0; index < fields.length; index += 1) row[columns![index]!.name] = value(fields[index]!, index);
      rows.push(row);
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    const { config, columns, rows, resolve } = this.asked[this.at]!;
    this.at += 1;
    if (config.name) {
      this.known().set(config.name, columns);
      this.wire.parsedStatements[config.name] = config.text;
    }
    const [command, ...numbers] = text.split(' ');
    resolve({ command, rowCount: numbers.length > 0 ? Number(numbers.at(-1)) : null, rows });
  }

  handleEmptyQuery(): void {
    throw new Error('an empty statement was asked for');
  }

  handleError(error: Error): void {
    for (const one of this.asked.slice(this.at)) one.reject(error);
    this.at = this.asked.length;
  }

  handleReadyForQuery(): void {
    for (const one of this.asked.slice(this.at)) one.reject(new Error('the server did not answer a statement'));
  }
}

function sendable(value: Value): Sent {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value;
  throw new TypeError('a value of another kind than text, number, boolean and bytes');
}
