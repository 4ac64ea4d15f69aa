import { partitionCount } from './port.js';

/** A positive 31-bit hash of a text, for advisory locks. */
export const textHash = (text: string): number => murmur2(Buffer.from(text)) & 0x7fffffff;

const seed = 0x9747b28c;
const m = 0x5bd1e995;

/** The partition every Kafka client's default partitioner gives this key: producers in other languages agree with us. */
export const partitionOf = (key: string | Buffer): number => (murmur2(Buffer.from(key)) & 0x7fffffff) % partitionCount;

function murmur2(data: Buffer): number {
  let h = seed ^ data.length;
  const whole = data.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    let k = Math.imul(data.readInt32LE(at), m);
    k = Math.imul(k ^ (k >>> 24), m);
    h = Math.imul(h, m) ^ k;
  }
  const rest = data.length - whole;
  if (rest > 0) {
    for (let at = rest - 1; at >= 0; at -= 1) h ^= data[whole + at]! << (8 * at);
    h = Math.imul(h, m);
  }
  h = Math.imul(h ^ (h >>> 13), m);
  return h ^ (h >>> 15);
}
