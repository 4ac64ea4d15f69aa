import { isAscii } from 'node:buffer';
import type { RecordBatch, StoredRecord } from '#libs/event-log';
import { decodeEvent, type LeadEvent } from '#libs/leads/domain';
import type { IncomingEvent } from '../store/event.store.js';

export interface Poison {
  record: StoredRecord;
  code: string;
  detail: string;
}

/** What a record says, beside the record: its bytes are asked for again where they are sent, and held by nobody meanwhile. */
export class Arrived implements IncomingEvent {
  constructor(
    readonly event: LeadEvent,
    readonly record: StoredRecord,
  ) {}

  get body(): Buffer {
    return this.record.value!;
  }
}

/** The records of a batch from `next` on, as far as they follow each other without a gap. */
export interface DecodedBatch {
  events: Arrived[];
  poison: Poison[];
  /** One past the last record looked at. */
  end: number;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function decodeBatch(batch: RecordBatch, next: number): DecodedBatch | 'gap' {
  const records = batch.records.filter((record) => record.position >= next);
  const decoded: DecodedBatch = { events: [], poison: [], end: next };
  if (records.length === 0) return { ...decoded, end: Math.max(next, batch.nextPosition) };
  if (records[0]!.position > next) return 'gap';
  for (const record of records) {
    if (record.position !== decoded.end) return decoded;
    decoded.end = record.position + 1;
    const result = decodeRecord(record);
    if (result.ok) decoded.events.push(new Arrived(result.event, record));
    else decoded.poison.push({ record, code: result.code, detail: result.detail });
  }
  return { ...decoded, end: Math.max(decoded.end, batch.nextPosition) };
}

function decodeRecord(record: StoredRecord) {
  const { value } = record;
  if (value === null) return { ok: false as const, code: 'no-value', detail: 'the record has no value' };
  let text: string;
  try {
    text = isAscii(value) ? value.toString('latin1') : utf8.decode(value);
  } catch {
    return { ok: false as const, code: 'bad-utf8', detail: 'the value is not UTF-8' };
  }
  return decodeEvent(record.headers, text);
}
