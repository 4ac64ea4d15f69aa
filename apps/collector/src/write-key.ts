import type { FastifyRequest } from 'fastify';
import type { Json, JsonObject } from '#libs/leads/domain';
import { isObject } from './domain/parse-body.js';

/** Found before the body is parsed: a wrong key in a header costs us no parsing. */
export function keyInHeaders(request: FastifyRequest): string | undefined {
  const authorization = request.headers.authorization;
  if (authorization !== undefined) {
    const basic = /^basic +(\S+)/i.exec(authorization);
    // another scheme (OAuth Bearer) is no key of ours, and no other place is looked at
    if (!basic) return '';
    return Buffer.from(basic[1]!, 'base64').toString('utf8').split(':', 1)[0]!;
  }
  const header = request.headers['x-write-key'];
  return typeof header === 'string' && header !== '' ? header : undefined;
}

export function keyInBody(request: FastifyRequest, root: JsonObject): string | undefined {
  const query = (request.query as Record<string, unknown>)['writeKey'];
  const batch = root['batch'];
  const first = Array.isArray(batch) && isObject(batch[0]) ? batch[0]['writeKey'] : undefined;
  return text(root['writeKey']) ?? text(query) ?? text(first);
}

const text = (value: Json | unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
