import type { ClientBase, Connection, FieldDef, PoolClient, QueryConfig, Submittable } from 'pg';
import { BindMessages, type Sent } from './bind-message.js';
import { WrittenValue } from './written-value.js';

type Value = string | number | boolean | Buffer | WrittenValue | null | undefined;
type Config = Omit<QueryConfig, 'values'> & { rowMode?: 'array'; values?: Value[] };

interface Column {
  name: string;
  parse: (text: string) => unknown;
}

/** Of the rows that answer a statement. */
interface Shape {
  columns: Column[];
  empty: Record<string, null>;
}

interface Asked {
  config: Config;
  values: Sent[];
  shape: Shape | undefined;
  rows: unknown[];
  resolve(result: object): void;
  reject(error: Error): void;
}

/** What the driver's connection can do beside what its types say: they ask for an argument it does not have. */
type Wire = Connection & {
  parsedStatements: Record<string, string>;
  parse(message: object): void;
  describe(message: object): void;
  execute(message: object | null): void;
  close(message: object): void;
};

/** Columns of the statements that a connection has prepared by name: asked for once, not with every execution. */
const prepared = new WeakMap<Connection, Map<string, Shape | undefined>>();

const binders = new WeakMap<Connection, BindMessages>();
function binderOf(connection: Connection): BindMessages {
  let binder = binders.get(connection);
  if (!binder) binders.set(connection, (binder = new BindMessages()));
  return binder;
}

/**
 * Statements that are asked for in one turn of the program travel together and come back together: one message, one Sync. They
 * run one after the other, each with a snapshot of its own, as if each had been waited for. What is asked for while a message
 * is under way gathers until it is answered: the driver must not be asked meanwhile. After an error the server skips
 * the rest, so all that were asked for with the failed one fail with its error.
 */
export class StatementPipeline {
  private asked: Asked[] = [];
  private flying = false;
  private readonly pending: Promise<unknown>[] = [];
  /** The first error, for whoever finds the transaction rolled back. */
  failure: Error | undefined;
  /** Once something was not sent, perhaps the beginning of the transaction, nothing may be that comes after it. */
  private unsent: Error | undefined;

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

  /** What was asked for and is not under way yet is never sent: after a rollback it would be a transaction of its own. */
  abandon(error: Error): void {
    this.unsent ??= error;
    for (const one of this.asked.splice(0)) one.reject(this.unsent);
  }

  private note(work: Promise<unknown>): void {
    work.catch((error: Error) => (this.failure ??= error));
  }

  private ask(config: Config): Promise<object> {
    const answer = new Promise<object>((resolve, reject) => {
      if (this.unsent) throw this.unsent;
      const values = (config.values ?? []).map(sendable);
      if (this.asked.length === 0 && !this.flying) process.nextTick(() => this.send());
      this.asked.push({ config, values, shape: undefined, rows: [], resolve, reject });
    });
    this.note(answer);
    return answer;
  }

  private send(): void {
    const { asked, unsent } = this;
    this.asked = [];
    if (unsent) for (const one of asked) one.reject(unsent);
    if (unsent || asked.length === 0) return;
    this.flying = true;
    const parserOf = (oid: number) => this.client.getTypeParser(oid, 'text') as Column['parse'];
    const landed = () => this.land();
    this.client.query(new Flight(asked, parserOf, { landed, notSent: (error) => (this.unsent = error) }));
  }

  private land(): void {
    this.flying = false;
    if (this.asked.length > 0) process.nextTick(() => this.send());
  }
}

/** One message to the server, in the eyes of the driver one query. */
class Flight implements Submittable {
  private at = 0;
  private hasLanded = false;
  private wire!: Wire;

  constructor(
    private readonly asked: readonly Asked[],
    private readonly parserOf: (oid: number) => Column['parse'],
    private readonly tell: { landed(): void; notSent(error: Error): void },
  ) {}

  /** What cannot be written fails everything that was to travel with it, and nothing of it is sent. */
  submit(connection: Connection): Error | undefined {
    this.wire = connection as Wire;
    const binder = binderOf(connection);
    binder.clear();
    let binds: Buffer[];
    try {
      binds = this.asked.map(({ config, values }) => binder.make(config.name ?? '', values));
    } catch (error) {
      this.tell.notSent(error as Error);
      return error as Error;
    }
    const { stream } = this.wire;
    stream.cork();
    try {
      this.asked.forEach((one, index) => this.put(one, binds[index]!));
      this.wire.sync();
    } finally {
      stream.uncork();
    }
    return undefined;
  }

  private put(one: Asked, bind: Buffer): void {
    const { wire } = this;
    const { name = '', text } = one.config;
    const known = this.known();
    const isKnown = name !== '' && known.has(name);
    if (isKnown) one.shape = known.get(name);
    else {
      // whether it was prepared before an error came is not known: closing what is not there is no error
      if (name !== '') wire.close({ type: 'S', name });
      wire.parse({ name, text });
    }
    wire.stream.write(bind);
    if (!isKnown) wire.describe({ type: 'P' });
    wire.execute(null);
  }

  private known(): Map<string, Shape | undefined> {
    let known = prepared.get(this.wire);
    if (!known) prepared.set(this.wire, (known = new Map()));
    return known;
  }

  handleRowDescription({ fields }: { fields: FieldDef[] }): void {
    this.asked[this.at]!.shape = {
      columns: fields.map(({ name, dataTypeID }) => ({ name, parse: this.parserOf(dataTypeID) })),
      empty: Object.fromEntries(fields.map(({ name }) => [name, null])),
    };
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    const { config, rows } = this.asked[this.at]!;
    const { columns, empty } = this.asked[this.at]!.shape!;
    // a copy has room for all of them at once
    const row: unknown[] | Record<string, unknown> = config.rowMode === 'array' ? [] : { ...empty };
    for (let index = 0; index < fields.length; index += 1) {
      const { name, parse } = columns[index]!;
      const text = fields[index]!;
      const value = text === null ? null : parse(text);
      if (Array.isArray(row)) row.push(value);
      else row[name] = value;
    }
    rows.push(row);
  }

  handleCommandComplete({ text }: { text: string }): void {
    const { config, shape, rows, resolve } = this.asked[this.at]!;
    this.at += 1;
    if (config.name) {
      this.known().set(config.name, shape);
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
    // the driver tells no more of this one: its connection is ready soon, or lost, and then whoever asks next is told
    this.land();
  }

  handleReadyForQuery(): void {
    for (const one of this.asked.slice(this.at)) one.reject(new Error('the server did not answer a statement'));
    this.land();
  }

  private land(): void {
    if (this.hasLanded) return;
    this.hasLanded = true;
    this.tell.landed();
  }
}

function sendable(value: Value): Sent {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string' || value instanceof WrittenValue || Buffer.isBuffer(value)) return value;
  throw new TypeError('a value of another kind than text, number, boolean and bytes');
}
