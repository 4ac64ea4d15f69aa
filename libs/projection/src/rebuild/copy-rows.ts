import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { PoolClient } from '#libs/platform';

/** Null is \N in COPY's text form, which no text can be. */
export type CopiedRow = (string | null)[];

const newline = 10;
const linesAtOnce = 50;
const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v' };

/**
 * The rows of a query, some hundreds at a time: several times cheaper than the same rows as results of a statement. A piece
 * ends within what came at once, some 64 KB: a text of more than 128 KB is mapped and unmapped by itself, and six times as dear.
 */
export async function* copiedRows(client: PoolClient, query: string): AsyncGenerator<CopiedRow[]> {
  const stream = client.query(copyTo(`copy (${query}) to stdout`, { highWaterMark: 1 << 20 } as never));
  let begun: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    // within a row it is written as \n
    const end = chunk.lastIndexOf(newline) + 1;
    if (end === 0) begun.push(chunk);
    else {
      const lines = chunk.subarray(0, end);
      yield rowsOf(begun.length > 0 ? Buffer.concat([...begun, lines]) : lines);
      begun = end < chunk.length ? [chunk.subarray(end)] : [];
    }
  }
}

function rowsOf(lines: Buffer): CopiedRow[] {
  const rows: CopiedRow[] = [];
  const text = lines.toString('utf8', 0, lines.length - 1);
  for (const line of text.split('\n')) rows.push(fieldsOf(line));
  return rows;
}

function fieldsOf(line: string): CopiedRow {
  const fields: CopiedRow = line.split('\t');
  if (!line.includes('\\')) return fields;
  for (let index = 0; index < fields.length; index += 1) {
    const field = fields[index]!;
    if (field === '\\N') fields[index] = null;
    else if (field.includes('\\')) fields[index] = field.replace(/\\(.)/gs, (_, code: string) => escapes[code] ?? code);
  }
  return fields;
}

type CopyValue = string | number | boolean | null;

const special = /[\\\n\r\t]/;
const replaced: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

export function copyLine(values: readonly CopyValue[]): string {
  let line = '';
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]!;
    if (index > 0) line += '\t';
    if (value === null) line += '\\N';
    else if (typeof value !== 'string') line += String(value);
    else line += special.test(value) ? value.replace(/[\\\n\r\t]/g, (found) => replaced[found]!) : value;
  }
  return line + '\n';
}

/** `target`: a table with its columns. */
export async function copyIn(client: PoolClient, target: string, lines: readonly string[]): Promise<void> {
  if (lines.length > 0)
    await pipeline(
      Readable.from(chunksOf(lines), { objectMode: false }),
      client.query(copyFrom(`copy ${target} from stdin`)),
    );
}

function* chunksOf(lines: readonly string[]): Generator<Buffer> {
  for (let from = 0; from < lines.length; from += linesAtOnce)
    yield Buffer.from(lines.slice(from, from + linesAtOnce).join(''));
}
