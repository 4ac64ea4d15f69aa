import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { topics, type LogRecord } from '#libs/event-log';
import { encodeEvent, recordKeyOf } from '#libs/leads/domain';
import { eventIdOf, fp, newId } from '#libs/platform';
import type { Source } from '#libs/sources';
import { applyIpPolicy } from './domain/client-ip.js';
import { limits } from './domain/limits.js';
import { normalise, type Request } from './domain/normalise.js';
import { parseBody, type ParsedBody } from './domain/parse-body.js';
import type { Refusal } from './domain/verdict.js';
import { collectPaths } from './collect-paths.js';
import { echoOrigin } from './cors.js';
import { inflateBody, isGzip } from './inflate.js';
import type { CollectorParts } from './parts.js';
import { sendProblem } from './problem.js';
import { BodyRefused } from './read-body.js';
import { TokenBuckets } from './token-bucket.js';
import { keyInBody, keyInHeaders } from './write-key.js';

const success = '{"success":true}';

/** The tracking routes, on the bare server: a pipeline of guards and pipes would cost more than the work itself. */
export function registerCollect(server: FastifyInstance, parts: CollectorParts): void {
  const collect = new Collect(parts);
  for (const [path, routeType] of collectPaths)
    server.post(
      path,
      {
        onRequest: collect.admit,
        errorHandler: (error, request, reply) => void collect.failed(error, request, reply),
      },
      (request, reply) => collect.handle(request, reply, routeType),
    );
}

interface Rejection extends Refusal {
  index: number;
}

interface Made {
  records: LogRecord[];
  rejections: Rejection[];
  /** Fields whose placeholder was left out. */
  junk: string[];
}

class Collect {
  private readonly buckets: TokenBuckets;

  constructor(private readonly parts: CollectorParts) {
    this.buckets = new TokenBuckets(parts.config.COLLECTOR_EVENTS_PER_SECOND);
  }

  /** A request that has no room as announced is refused before its body is read; room is taken as the body arrives. */
  readonly admit = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    echoOrigin(request, reply);
    const { headers } = request.raw;
    const declared = Number(headers['content-length'] ?? 0);
    const { inFlight } = this.parts;
    if (!inFlight.hasRoom(Math.min(declared, limits.batchBytes))) return void this.busy(reply);
    reply.raw.once('close', () => inFlight.release(request.raw));
    // the type says nothing: beacons and SDKs send JSON under any name
    headers['content-type'] = 'application/octet-stream';
    done();
  };

  async handle(request: FastifyRequest, reply: FastifyReply, routeType: string | undefined): Promise<FastifyReply> {
    const headerKey = keyInHeaders(request);
    let source = headerKey === undefined ? undefined : await this.sourceOf(headerKey);
    if (headerKey !== undefined && !source) return this.unknownKey(reply);

    let body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined || isGzip(body)) {
      // inflated, it may take as much as any request may
      if (!this.parts.inFlight.take(request.raw, limits.batchBytes)) return this.busy(reply);
      const inflated = await inflateBody(body, encoding ?? '');
      if (!inflated.ok) return this.refused(reply, inflated);
      body = inflated.body;
    }
    const parsed = parseBody(body);
    if (!parsed.ok) return this.refused(reply, parsed);
    if (!source) source = await this.sourceOf(keyInBody(request, parsed.root) ?? '');
    if (!source) return this.unknownKey(reply);
    const origin = request.headers.origin;
    if (source.allowedOrigins && origin !== undefined && !source.allowedOrigins.has(origin))
      return this.foreignOrigin(reply);

    const waitSeconds = this.buckets.take(source.id, parsed.length, performance.now());
    if (waitSeconds > 0) return this.tooMany(reply, waitSeconds);
    const made = recordsOf(request, parsed, source, parsed.single ? routeType : undefined);
    // while the log takes the records nothing else of the request is kept: this method has returned, the body is let go
    request.body = undefined;
    return this.append(request, reply, made, parsed.single);
  }

  private async append(
    request: FastifyRequest,
    reply: FastifyReply,
    { records, rejections, junk }: Made,
    single: boolean,
  ) {
    const { eventLog, metrics } = this.parts;
    for (const { code } of rejections) metrics.rejected.inc({ reason: code });
    for (const field of junk) metrics.junkIds.inc({ field });
    if (single && rejections[0]) return this.refused(reply, rejections[0]);
    const started = performance.now();
    fp('collector.before_append');
    const { acked, error } = await eventLog.append(records);
    fp('collector.after_append');
    metrics.append.observe((performance.now() - started) / 1000);
    // one record without acknowledgement fails the request: the client sends all again, under the same ids
    if (!acked.every(Boolean)) {
      this.parts.log.warn({ err: error, records: records.length }, 'the log did not acknowledge a request');
      return this.logAway(reply);
    }
    metrics.accepted.inc(records.length);
    metrics.requests.inc({ outcome: 'accepted' });
    reply.header('content-type', 'application/json');
    if (!wantsVerdicts(request)) return reply.send(success);
    const errors = rejections.map(({ index, code, detail, path }) => ({
      index,
      reason: code,
      detail,
      ...(path && { path }),
    }));
    return reply.send(JSON.stringify({ success: true, accepted: records.length, rejected: errors.length, errors }));
  }

  private sourceOf(key: string): Source | undefined | Promise<Source | undefined> {
    if (key === '') return undefined;
    return this.parts.sources.find(key) ?? this.parts.sources.findFresh(key);
  }

  private refused(reply: FastifyReply, refusal: Refusal) {
    this.parts.metrics.requests.inc({ outcome: 'refused' });
    return sendProblem(reply, 400, refusal.code, refusal.detail, refusal.path);
  }

  private unknownKey(reply: FastifyReply) {
    // without any list nobody can tell a wrong key from a right one: the client must come again
    if (!this.parts.sources.loaded)
      return this.logAway(reply, 'sources-unknown', 'The list of sources could not be read yet.');
    this.parts.metrics.requests.inc({ outcome: 'unknown-key' });
    return sendProblem(reply, 401, 'unknown-write-key', 'No write key, or none that is in force.');
  }

  private foreignOrigin(reply: FastifyReply) {
    this.parts.metrics.requests.inc({ outcome: 'foreign-origin' });
    return sendProblem(reply, 403, 'origin-not-allowed', 'This source takes no events from this origin.');
  }

  private tooMany(reply: FastifyReply, seconds: number) {
    this.parts.metrics.requests.inc({ outcome: 'rate-limited' });
    reply.header('retry-after', String(seconds));
    reply.header('x-ratelimit-reset', String(Math.ceil(Date.now() / 1000) + seconds));
    return sendProblem(reply, 429, 'rate-limited', 'This source sends too many events.');
  }

  private busy(reply: FastifyReply): FastifyReply {
    this.parts.metrics.requests.inc({ outcome: 'busy' });
    // the body was not read: the connection cannot be used again
    reply.header('retry-after', '1').header('connection', 'close');
    return sendProblem(reply, 503, 'busy', 'Too much is under way. Try again.');
  }

  private logAway(
    reply: FastifyReply,
    code = 'log-away',
    detail = 'The event log does not take records right now. Try again.',
  ) {
    this.parts.metrics.requests.inc({ outcome: 'log-away' });
    reply.header('retry-after', '2');
    return sendProblem(reply, 503, code, detail);
  }

  failed(error: Error, _request: FastifyRequest, reply: FastifyReply) {
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    if (error instanceof BodyRefused && status === 503) return this.busy(reply);
    if (status < 500) {
      const tooLarge = status === 413;
      const code = tooLarge ? 'too-large' : 'bad-request';
      // not all of the body was read
      reply.header('connection', 'close');
      const detail = tooLarge ? `a request has ${limits.batchBytes} bytes at most` : 'the request could not be read';
      return this.refused(reply, { ok: false, code, detail });
    }
    this.parts.log.error({ err: error }, 'a tracking request failed');
    this.parts.metrics.requests.inc({ outcome: 'failed' });
    return sendProblem(reply, 500, 'internal-error', 'The request failed. Try again.');
  }
}

function recordsOf(request: FastifyRequest, parsed: ParsedBody, source: Source, routeType: string | undefined): Made {
  const sentHeader = request.headers['sentat'];
  const socketIp = () => applyIpPolicy(request.ip, source.clientIp);
  const around: Request = {
    source,
    batch: parsed.single ? {} : parsed.root,
    routeType,
    sentHeader: typeof sentHeader === 'string' ? sentHeader : undefined,
    receivedAt: Date.now(),
    // a server's own agent says nothing about the visitor
    userAgent: request.headers.origin === undefined ? undefined : request.headers['user-agent']?.slice(0, 1_000),
    ip: (claimed) => (claimed === undefined ? socketIp() : applyIpPolicy(claimed, source.clientIp)),
    eventId: (messageId) => eventIdOf(source.id, messageId),
    newMessageId: newId,
  };
  const records: LogRecord[] = [];
  const rejections: Rejection[] = [];
  const junk: string[] = [];
  for (let index = 0; index < parsed.length; index += 1) {
    const item = parsed.at(index);
    const normalised = item.ok ? normalise(item.event, around) : item;
    if (!normalised.ok) rejections.push({ ...normalised, index });
    else {
      const { event, urgent } = normalised;
      junk.push(...normalised.junk);
      records.push({ topic: urgent ? topics.urgent : topics.events, ...encodeEvent(event, recordKeyOf(event)) });
    }
  }
  return { records, rejections, junk };
}

const wantsVerdicts = (request: FastifyRequest): boolean =>
  (request.query as Record<string, unknown>)['debug'] === '1' || request.headers['x-debug'] === '1';
