import type { KafkaMessage } from 'kafkajs';
import type { StoredRecord } from '../port.js';

/** Header values may be missing, bytes or a list: the first one as text is what CloudEvents means. */
export function storedRecord(message: KafkaMessage): StoredRecord {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers ?? {})) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined && first !== null) headers[name] = first.toString();
  }
  return { position: Number(message.offset), key: message.key ?? null, headers, value: message.value ?? null };
}
