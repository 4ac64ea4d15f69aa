import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { topics } from '#libs/event-log';
import { encodeEvent, recordKeyOf, type JsonObject, type LeadEvent } from '#libs/leads/domain';
import { eventIdOf, newId, TokenSeal } from '#libs/platform';
import { applyIpPolicy } from './domain/client-ip.js';
import type { CollectorParts } from './parts.js';
import { sendProblem } from './problem.js';

const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
/** Whoever clicked waits no longer than this for the log; the append goes on behind his back. */
const patienceMs = 300;
const maxPending = 1_000;
const judgedHeaders = [
  'purpose',
  'sec-purpose',
  'x-purpose',
  'x-moz',
  'sec-fetch-mode',
  'sec-fetch-dest',
  'sec-fetch-user',
] as const;

interface Hit {
  deliveryId: string;
  key: string;
  url?: string;
}

/** Opens and clicks of mails. A GET tells what was fetched, never what somebody wants: it appends a hit at most. */
export class Hits {
  private readonly seal: TokenSeal;
  private readonly pending = new Set<Promise<unknown>>();

  constructor(private readonly parts: CollectorParts) {
    this.seal = new TokenSeal(parts.config.TRACKING_SECRET, 'tracking');
  }

  register(server: FastifyInstance): void {
    server.get<{ Params: { file: string } }>('/o/:file', async (request, reply) => {
      const { file } = request.params;
      const hit = file.endsWith('.gif') ? this.open(file.slice(0, -4)) : undefined;
      if (!hit) return notFound(reply);
      await this.append('open', 'Email Opened', hit, request);
      return quiet(reply).header('content-type', 'image/gif').send(pixel);
    });
    server.get<{ Params: { token: string } }>('/c/:token', async (request, reply) => {
      const hit = this.open(request.params.token);
      const target = hit?.url === undefined ? undefined : targetOf(hit.url);
      if (!hit || target === undefined) return notFound(reply);
      await this.append('click', 'Email Clicked', hit, request);
      return quiet(reply).status(302).header('location', target).send();
    });
  }

  /** Hits whose visitor was answered already are still appended before the process ends. */
  async settled(): Promise<void> {
    await Promise.all(this.pending);
  }

  private open(token: string): Hit | undefined {
    const content = this.seal.open(token);
    const { d, k, u } = content ?? {};
    if (typeof d !== 'string' || typeof k !== 'string' || !/^[aue]:./.test(k)) return undefined;
    return { deliveryId: d, key: k, ...(typeof u === 'string' && { url: u }) };
  }

  private async append(kind: string, name: string, hit: Hit, request: FastifyRequest): Promise<void> {
    const { eventLog, metrics } = this.parts;
    if (this.pending.size >= maxPending) return metrics.hits.inc({ kind, outcome: 'dropped' });
    const event = eventOf(name, hit, request);
    const appended = eventLog
      .append([{ topic: topics.events, ...encodeEvent(event, recordKeyOf(event)) }])
      .then(({ acked }) => metrics.hits.inc({ kind, outcome: acked[0] ? 'accepted' : 'dropped' }));
    this.pending.add(appended);
    void appended.finally(() => this.pending.delete(appended));
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([appended, new Promise((resolve) => (timer = setTimeout(resolve, patienceMs)))]);
    clearTimeout(timer);
  }
}

function eventOf(name: string, hit: Hit, request: FastifyRequest): LeadEvent {
  const now = Date.now();
  const context: JsonObject = { method: request.method };
  const ip = applyIpPolicy(request.ip, 'truncate');
  if (ip !== undefined) context['ip'] = ip;
  const userAgent = request.headers['user-agent'];
  if (userAgent) context['userAgent'] = userAgent.slice(0, 1_000);
  // what tells a scanner or a prefetch from a person, later and revisably
  for (const header of judgedHeaders) {
    const value = request.headers[header];
    if (typeof value === 'string') context[header] = value.slice(0, 100);
  }
  return {
    id: eventIdOf('collector', newId()),
    type: 'track',
    source: 'collector',
    occurredAt: now,
    receivedAt: now,
    ...subjectOf(hit.key),
    name,
    properties: { deliveryId: hit.deliveryId, ...(hit.url !== undefined && { url: hit.url }) },
    context,
  };
}

function subjectOf(key: string): Pick<LeadEvent, 'userId' | 'email' | 'anonymousId'> {
  const value = key.slice(2);
  if (key.startsWith('u:')) return { userId: value };
  return key.startsWith('e:') ? { email: value } : { anonymousId: value };
}

/** The URL that was signed, as a header may carry it; only web addresses. */
function targetOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') return undefined;
  return /^[\x21-\x7e]+$/.test(url) ? url : parsed.href;
}

const quiet = (reply: FastifyReply): FastifyReply =>
  reply
    .header('cache-control', 'no-store, private')
    .header('referrer-policy', 'no-referrer')
    .header('x-robots-tag', 'noindex');

const notFound = (reply: FastifyReply) => sendProblem(reply, 404, 'not-found', 'There is nothing here.');
