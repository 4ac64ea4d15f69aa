/** Bytes count after inflation. The first four are those of the Segment protocol. */
export const limits = {
  batchBytes: 500 * 1024,
  eventBytes: 32 * 1024,
  batchEvents: 2_500,
  messageIdLength: 100,
  /** Nesting of one event, and of a whole request (an event of a batch stands two levels lower). */
  eventDepth: 20,
  requestDepth: 32,
  eventKeys: 500,
  requestKeys: 60_000,
  stringLength: 10_000,
  keyLength: 255,
  nameLength: 255,
  idLength: 255,
  earliest: Date.UTC(2000, 0, 1),
  latest: Date.UTC(2100, 0, 1),
} as const;
