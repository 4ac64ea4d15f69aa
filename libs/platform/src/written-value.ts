/** A parameter in PostgreSQL's binary form that is written straight into what is sent. */
export class WrittenValue {
  constructor(
    /** Bytes that it may take. */
    readonly most: number,
    /** Returns where it ends. */
    readonly write: (into: Buffer, at: number) => number,
  ) {}

  /** What the driver's own queries ask for. */
  toPostgres(): Buffer {
    const bytes = Buffer.allocUnsafe(this.most);
    return bytes.subarray(0, this.write(bytes, 0));
  }
}
