import type { Json, JsonObject } from '#libs/leads/domain';
import { isObject } from './parse-body.js';
import type { Times } from './times.js';

const plain = ['userAgent', 'locale', 'timezone', 'sessionId', 'groupId'] as const;
const nested = {
  page: ['url', 'path', 'referrer', 'title', 'search'],
  campaign: ['source', 'medium', 'name', 'term', 'content'],
  library: ['name', 'version'],
} as const;

/** What is known of the request that carried the event. */
export interface Surroundings {
  /** As the source's policy leaves it. */
  ip(claimed: string | undefined): string | undefined;
  userAgent: string | undefined;
  receivedAt: number;
}

/** The part of the free-form context that is kept: what is indexed, judged or needed to explain a time. */
export function contextOf(event: JsonObject, batch: JsonObject, times: Times, around: Surroundings): JsonObject {
  const kept: JsonObject = {};
  keep(kept, batch['context']);
  keep(kept, event['context']);
  kept['userAgent'] ??= around.userAgent ?? null;
  if (kept['userAgent'] === null) delete kept['userAgent'];
  const ip = around.ip(claimedIp(event['context']) ?? claimedIp(batch['context']));
  if (ip !== undefined) kept['ip'] = ip;
  if (times.original !== undefined) kept['originalTimestamp'] = times.original;
  if (times.sent !== undefined) {
    kept['sentAt'] = times.sent;
    kept['skewMs'] = around.receivedAt - times.sent;
  }
  return kept;
}

function keep(into: JsonObject, context: Json | undefined): void {
  if (!isObject(context)) return;
  for (const name of plain) {
    const value = context[name];
    if (isScalar(value)) into[name] = value;
  }
  for (const [name, fields] of Object.entries(nested)) {
    const part = context[name];
    if (!isObject(part)) continue;
    const copy = isObject(into[name]) ? { ...into[name] } : {};
    for (const field of fields) {
      const value = part[field];
      if (isScalar(value) && value !== '$direct') copy[field] = value;
    }
    into[name] = copy;
  }
}

const isScalar = (value: Json | undefined): value is string | number | boolean =>
  value !== undefined && value !== null && value !== '' && typeof value !== 'object';

const claimedIp = (context: Json | undefined): string | undefined =>
  isObject(context) && typeof context['ip'] === 'string' && context['ip'] !== '' ? context['ip'] : undefined;
