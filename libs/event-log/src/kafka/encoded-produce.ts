import { createRequire } from 'node:module';

/** All records of one partition, encoded. In kafkajs' eyes one message, whose partition is given. */
export interface EncodedMessage {
  partition: number;
  key: null;
  value: Buffer;
  encoded: true;
}

interface ProduceOptions {
  acks: number;
  timeout: number;
  topicData: { topic: string; partitions: { partition: number; messages: { value: Buffer; encoded?: true }[] }[] }[];
}

interface Encoder {
  buf: Buffer;
  writeString(value: string | null): Encoder;
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeBufferInternal(value: Buffer): void;
}

type Protocol = (at: {
  version: number;
}) => (options: ProduceOptions) => { request: { encode(): Promise<Encoder> }; response: unknown };

const load = createRequire(import.meta.url);
let taught = false;

/**
 * Teaches kafkajs 2.2.4's produce request to carry record batches that are already encoded. Leaders, connections and
 * retries stay its own; ordinary messages go the ordinary way.
 */
export function carryEncodedBatches(): void {
  if (taught) return;
  taught = true;
  const produce = load('kafkajs/src/protocol/requests/produce/index.js') as { protocol: Protocol };
  const Encoder = load('kafkajs/src/protocol/encoder.js') as new (initialBytes?: number) => Encoder;
  const ordinary = produce.protocol;
  if (typeof ordinary !== 'function')
    throw new Error('kafkajs has another produce request: look how it takes encoded batches');
  produce.protocol = (at) => (options) => {
    const made = ordinary(at)(options);
    if (!options.topicData[0]?.partitions[0]?.messages[0]?.encoded) return made;
    if (at.version < 3) throw new Error('this broker is older than Kafka 1.0');
    made.request.encode = () => Promise.resolve(encode(new Encoder(sizeOf(options)), options));
    return made;
  };
}

function encode(into: Encoder, { acks, timeout, topicData }: ProduceOptions): Encoder {
  into.writeString(null).writeInt16(acks).writeInt32(timeout).writeInt32(topicData.length);
  for (const { topic, partitions } of topicData) {
    into.writeString(topic).writeInt32(partitions.length);
    for (const { partition, messages } of partitions) {
      const batch = messages[0]!.value;
      into.writeInt32(partition).writeInt32(batch.length).writeBufferInternal(batch);
    }
  }
  return into;
}

const sizeOf = ({ topicData }: ProduceOptions): number =>
  topicData.reduce(
    (sum, { topic, partitions }) =>
      partitions.reduce((bytes, { messages }) => bytes + 8 + messages[0]!.value.length, sum + topic.length * 3 + 6),
    64,
  );
