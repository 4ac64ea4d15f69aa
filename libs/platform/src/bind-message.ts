import { WrittenValue } from './written-value.js';

export type Sent = string | Buffer | WrittenValue | null;

const code = 'B'.charCodeAt(0);
const firstBytes = 16_384;
/** More than this is kept for no second flight. */
const mostKeptBytes = 8 * 1024 * 1024;
const shortText = 1_000;

/**
 * Makes Bind messages. The driver's own copies everything several times while its buffer grows. One serves one connection,
 * and its memory is used again for every flight: the server's answer to the one before says that all of it was read.
 */
export class BindMessages {
  private buffer = Buffer.allocUnsafeSlow(firstBytes);
  private at = 0;

  /** What was made before is no longer needed. */
  clear(): void {
    this.at = 0;
    if (this.buffer.length > mostKeptBytes) this.buffer = Buffer.allocUnsafeSlow(firstBytes);
  }

  make(statement: string, values: readonly Sent[]): Buffer {
    this.reserve(statement, values);
    const { buffer } = this;
    const start = this.at;
    buffer[start] = code;
    // the length comes last; the portal has no name
    let at = start + 5;
    buffer[at++] = 0;
    at += buffer.write(statement, at, 'utf8');
    buffer[at++] = 0;
    at = buffer.writeInt16BE(values.length, at);
    for (const value of values) at = buffer.writeInt16BE(value === null || typeof value === 'string' ? 0 : 1, at);
    at = buffer.writeInt16BE(values.length, at);
    for (const value of values) at = this.put(value, at);
    // the answer as text
    at = buffer.writeInt16BE(1, at);
    at = buffer.writeInt16BE(0, at);
    buffer.writeInt32BE(at - start - 1, start + 1);
    this.at = at;
    return buffer.subarray(start, at);
  }

  private put(value: Sent, lengthAt: number): number {
    const { buffer } = this;
    const at = lengthAt + 4;
    const end =
      value === null
        ? at
        : typeof value === 'string'
          ? at + buffer.write(value, at, 'utf8')
          : value instanceof WrittenValue
            ? value.write(buffer, at)
            : at + value.copy(buffer, at);
    buffer.writeInt32BE(value === null ? -1 : end - at, lengthAt);
    return end;
  }

  private reserve(statement: string, values: readonly Sent[]): void {
    let most = this.at + 16 + 3 * statement.length;
    for (const value of values) most += 6 + mostBytesOf(value);
    if (most <= this.buffer.length) return;
    // what was made stays where it is
    this.buffer = Buffer.allocUnsafeSlow(2 * most);
    this.at = 0;
  }
}

function mostBytesOf(value: Sent): number {
  if (value === null) return 0;
  if (typeof value === 'string') return value.length < shortText ? 3 * value.length : Buffer.byteLength(value);
  return value instanceof WrittenValue ? value.most : value.length;
}
