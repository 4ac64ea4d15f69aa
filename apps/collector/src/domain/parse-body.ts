import { isUtf8 } from 'node:buffer';
import type { Json, JsonObject } from '#libs/leads/domain';
import { clean } from './clean.js';
import { limits } from './limits.js';
import { scan, type Scan } from './scan.js';
import { refuse, type Refusal } from './verdict.js';

/** A request after the checks that concern the whole of it; `at(i)` judges the events one by one. */
export interface ParsedBody {
  ok: true;
  single: boolean;
  /** Fields of a batch that stand in for absent ones of its events. */
  root: JsonObject;
  length: number;
  at(index: number): { ok: true; event: JsonObject } | Refusal;
}

/** Size, fatal UTF-8, depth and keys, parse, shape: in this order, so that each step bounds the next. */
export function parseBody(bytes: Buffer): ParsedBody | Refusal {
  if (bytes.length > limits.batchBytes) return refuse('too-large', `a request has ${limits.batchBytes} bytes at most`);
  if (!isUtf8(bytes)) return refuse('bad-encoding', 'the body is not UTF-8');
  const seen = scan(bytes);
  if (seen.depth > limits.requestDepth)
    return refuse('too-deep', `a request is nested ${limits.requestDepth} levels at most`);
  if (seen.keys > limits.requestKeys)
    return refuse('too-many-keys', `a request holds ${limits.requestKeys} keys at most`);
  let root: Json;
  try {
    const text = bytes.toString('utf8');
    root = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text) as Json;
  } catch {
    return refuse('bad-json', 'the body is not JSON');
  }
  if (!isObject(root)) return refuse('bad-shape', 'the body is no object');
  return Array.isArray(root['batch']) ? batchOf(root, root['batch'], seen) : singleOf(root, bytes.length, seen);
}

function singleOf(root: JsonObject, bytes: number, seen: Scan): ParsedBody | Refusal {
  if (root['batch'] !== undefined && root['batch'] !== null) return refuse('bad-shape', 'batch is no array', 'batch');
  if (bytes > limits.eventBytes) return refuse('too-large', `an event has ${limits.eventBytes} bytes at most`);
  const harmless = seen.depth <= limits.eventDepth && seen.keys <= limits.eventKeys && isHarmless(seen);
  return { ok: true, single: true, root, length: 1, at: () => (harmless ? { ok: true, event: root } : clean(root)) };
}

function batchOf(root: JsonObject, batch: Json[], seen: Scan): ParsedBody | Refusal {
  if (batch.length > limits.batchEvents)
    return refuse('too-many-events', `a batch has ${limits.batchEvents} events at most`, 'batch');
  const inSize = seen.itemBytes <= limits.eventBytes;
  const harmless = seen.depth <= limits.eventDepth && seen.itemKeys <= limits.eventKeys && isHarmless(seen);
  const at = (index: number) => {
    const item = batch[index]!;
    if (!isObject(item)) return refuse('bad-shape', 'an event is no object');
    if (!inSize && Buffer.byteLength(JSON.stringify(item)) > limits.eventBytes)
      return refuse('too-large', `an event has ${limits.eventBytes} bytes at most`);
    return harmless ? { ok: true as const, event: item } : clean(item);
  };
  return { ok: true, single: false, root: harmless ? root : fieldsOf(root), length: batch.length, at };
}

/** The scan already proves what `clean` would find: nothing. Most requests are so, and are not walked. */
const isHarmless = (seen: Scan): boolean =>
  !seen.suspicious && seen.keyBytes <= limits.keyLength && seen.stringBytes <= limits.stringLength;

/** Batch-level fields are cleaned apart from its events; what breaks a limit there counts as absent. */
function fieldsOf(root: JsonObject): JsonObject {
  const { batch: _events, ...fields } = root;
  const cleaned = clean(fields);
  return cleaned.ok ? cleaned.event : {};
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
