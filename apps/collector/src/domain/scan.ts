import { limits } from './limits.js';

/** What one pass over the bytes tells before anything is parsed. */
export interface Scan {
  depth: number;
  keys: number;
  /** Largest object directly inside an array directly inside the root: an event of a batch. */
  itemBytes: number;
  itemKeys: number;
  stringBytes: number;
  /** Longest key, whose limit is lower than that of other strings. */
  keyBytes: number;
  /** Something only a walk over the parsed event can judge: escapes, exponents, endless numbers, prototype keys. */
  suspicious: boolean;
}

const quote = 0x22;
const backslash = 0x5c;
const longestNumber = 300;

/** Counts only; what is no JSON is for the parser to say. Stops early where the request is over a limit anyway. */
export function scan(bytes: Buffer): Scan {
  const result: Scan = { depth: 0, keys: 0, itemBytes: 0, itemKeys: 0, stringBytes: 0, keyBytes: 0, suspicious: false };
  const length = bytes.length;
  let depth = 0;
  let itemStart = 0;
  let keysBefore = 0;
  let lastToken = 0;
  let lastString = 0;
  for (let i = 0; i < length; i += 1) {
    const byte = bytes[i]!;
    if (byte === quote) {
      const start = ++i;
      for (; i < length; i += 1) {
        const inside = bytes[i]!;
        if (inside === quote) break;
        if (inside === backslash) {
          i += 1;
          if (bytes[i] === 0x75) result.suspicious = true;
        } else if (inside === 0x5f && bytes[i + 1] === 0x5f) result.suspicious = true;
      }
      lastString = i - start;
      if (lastString > result.stringBytes) result.stringBytes = lastString;
    } else if (byte === 0x3a) {
      result.keys += 1;
      if (lastString > result.keyBytes) result.keyBytes = lastString;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > result.depth) result.depth = depth;
      if (depth > limits.requestDepth) return result;
      if (depth === 3) {
        itemStart = i;
        keysBefore = result.keys;
      }
    } else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 3) {
        result.itemBytes = Math.max(result.itemBytes, i + 1 - itemStart);
        result.itemKeys = Math.max(result.itemKeys, result.keys - keysBefore);
      }
      depth -= 1;
    } else {
      if ((byte === 0x65 || byte === 0x45) && bytes[i - 1]! <= 0x39) result.suspicious = true;
      if (byte !== 0x2c) {
        if (i - lastToken > longestNumber) result.suspicious = true;
        continue;
      }
    }
    lastToken = i;
  }
  return result;
}
