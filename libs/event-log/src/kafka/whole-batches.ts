import { createRequire } from 'node:module';
import { EncodedRecords } from './encoded-records.js';

interface Decoder {
  buffer: Buffer;
  offset: number;
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readString(): string;
  readArray<T>(read: (decoder: Decoder) => T): T[];
  readArrayAsync<T>(read: (decoder: Decoder) => Promise<T>): Promise<T[]>;
  canReadBytes(length: number): boolean;
  forward(length: number): void;
}

interface Response {
  decode(data: Buffer): Promise<unknown>;
  parse(data: unknown): Promise<unknown>;
}
type Protocol = (at: { version: number }) => (options: object) => { request: unknown; response: Response };

const load = createRequire(import.meta.url);
const known = 11;
const wanted = new Set<string>();
let taught = false;

/**
 * Teaches kafkajs 2.2.4's fetch to hand on record batches as they came, for the topics that ask for it: decoding them took a
 * dozen buffers a record and a tenth of the projector's time. Each is one message in its eyes; `RecordReader` takes it apart
 * when its turn comes. What is compressed, transactional or of an older format goes the ordinary way.
 */
export function fetchWholeBatches(topicOnBroker: string): void {
  wanted.add(topicOnBroker);
  if (taught) return;
  taught = true;
  const fetch = load('kafkajs/src/protocol/requests/fetch/index.js') as { protocol: Protocol };
  const ordinary = fetch.protocol;
  if (typeof ordinary !== 'function')
    throw new Error('kafkajs has another fetch request: look how it hands on record batches');
  fetch.protocol = (at) => (options) => {
    const made = ordinary(at)(options);
    return at.version === known ? { ...made, response: { ...made.response, decode } } : made;
  };
}

export const fetchSingleRecords = (topicOnBroker: string): boolean => wanted.delete(topicOnBroker);

const DecoderOf = load('kafkajs/src/protocol/decoder.js') as new (data: Buffer) => Decoder;
const decodeMessages = load('kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js') as (
  decoder: Decoder,
) => Promise<unknown[]>;

/** The answer of version 11, as kafkajs itself decodes it but for the records. */
async function decode(data: Buffer): Promise<unknown> {
  const decoder = new DecoderOf(data);
  const clientSideThrottleTime = decoder.readInt32();
  const errorCode = decoder.readInt16();
  const sessionId = decoder.readInt32();
  const responses = await decoder.readArrayAsync(async (topic) => {
    const topicName = topic.readString();
    return { topicName, partitions: await topic.readArrayAsync((each) => decodePartition(each, topicName)) };
  });
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
}

async function decodePartition(decoder: Decoder, topicName: string) {
  return {
    partition: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    highWatermark: decoder.readInt64().toString(),
    lastStableOffset: decoder.readInt64().toString(),
    lastStartOffset: decoder.readInt64().toString(),
    abortedTransactions: decoder.readArray((each) => ({
      producerId: each.readInt64().toString(),
      firstOffset: each.readInt64().toString(),
    })),
    preferredReadReplica: decoder.readInt32(),
    messages: (wanted.has(topicName) ? wholeBatches(decoder) : undefined) ?? (await decodeMessages(decoder)),
  };
}

/** Undefined, with nothing read, where the ordinary way has to be gone. */
function wholeBatches(decoder: Decoder): EncodedRecords[] | undefined {
  const { buffer } = decoder;
  const start = decoder.offset + 4;
  const size = buffer.readInt32BE(decoder.offset);
  if (size <= 0 || start + size > buffer.length) return undefined;
  const batches: EncodedRecords[] = [];
  for (let at = start; at < start + size;) {
    const batch = EncodedRecords.at(buffer, at, start + size);
    // the last one may be cut off, and comes whole with the next fetch
    if (batch === 'cut') break;
    if (batch === 'other') return undefined;
    batches.push(batch);
    at = batch.end;
  }
  decoder.offset = start + size;
  return batches;
}
