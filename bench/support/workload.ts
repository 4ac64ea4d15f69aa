import { createHash } from 'node:crypto';
import type { JsonObject, LeadEvent } from '#libs/leads/domain';
import { eventIdOf } from '#libs/platform';
import { Random } from '#tools/traffic/random';

/**
 * The written-down workload W(leads, events, s, seed): leads Zipf(s); 70 % page views, 10 % opens, 10 % clicks, 9.8 % pricing
 * views, 0.2 % demo requests; 1 % of the events identify; 5 % duplicates (most near, some far); 5 % out of order by minutes,
 * 0.1 % by days; 0.1 % malformed where the consumer is asked for it. Bodies of about 300 bytes.
 */
export interface WorkloadOptions {
  leads: number;
  events: number;
  s?: number;
  seed: number;
  /** Event times end here, ms. */
  until: number;
  duplicates?: number;
  outOfOrder?: number;
  malformed?: number;
  /** Every event is a lead nobody saw before. */
  newLeads?: boolean;
}

export interface ClientEvent {
  messageId: string;
  type: 'page' | 'track' | 'identify';
  anonymousId: string;
  userId?: string;
  event?: string;
  name?: string;
  properties: JsonObject;
  traits?: JsonObject;
  context: JsonObject;
  timestamp: number;
}

export type WorkloadItem =
  { kind: 'event'; event: ClientEvent; duplicate: boolean } | { kind: 'malformed'; messageId: string };

const farBack = 50_000;

export function* workload(options: WorkloadOptions): Generator<WorkloadItem> {
  const random = new Random(options.seed);
  const leadOf = zipf(options.leads, options.s ?? 1, random);
  const spanMs = Math.max(3_600_000, options.events * 20);
  const sent: ClientEvent[] = [];
  for (let index = 0; index < options.events; index++) {
    if (random.chance(options.malformed ?? 0)) {
      yield { kind: 'malformed', messageId: uuid(random, 4, 0) };
      continue;
    }
    if (sent.length > 0 && random.chance(options.duplicates ?? 0.05)) {
      const back =
        random.chance(0.1) && sent.length > farBack
          ? random.between(farBack, sent.length)
          : random.between(1, Math.min(500, sent.length));
      yield { kind: 'event', event: sent[sent.length - back]!, duplicate: true };
      continue;
    }
    const planned = options.until - spanMs + Math.floor((spanMs * index) / options.events);
    const timestamp = planned - lateness(random, options.outOfOrder ?? 0.05);
    const event = clientEvent(random, options.newLeads ? index : leadOf(), timestamp);
    sent.push(event);
    yield { kind: 'event', event, duplicate: false };
  }
}

function lateness(random: Random, outOfOrder: number): number {
  if (random.chance(0.001)) return random.between(1, 30 * 24 * 60) * 60_000;
  return random.chance(outOfOrder) ? random.between(1, 600) * 1000 : 0;
}

const padding = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36';

function clientEvent(random: Random, lead: number, timestamp: number): ClientEvent {
  const known = lead % 2 === 0;
  const base = {
    messageId: uuid(random, random.chance(0.9) ? 7 : 4, timestamp),
    anonymousId: `anon-${lead}`,
    ...(known ? { userId: `user-${lead}` } : {}),
    context: { userAgent: padding },
    timestamp,
  };
  const email = `lead${lead}@bench.example`;
  if (random.chance(0.01))
    return {
      ...base,
      type: 'identify',
      userId: `user-${lead}`,
      properties: {},
      traits: { email, company: `Company ${lead % 97}`, employees: 10 + (lead % 500) },
    };
  return random.weighted<() => ClientEvent>([
    [
      () => ({
        ...base,
        type: 'page',
        name: 'Product',
        properties: { path: `/products/${random.between(1, 9)}`, title: 'Product' },
      }),
      70,
    ],
    [
      () => ({
        ...base,
        type: 'track',
        event: 'Email Opened',
        properties: { deliveryId: `d-${random.between(1, 99_999)}` },
      }),
      10,
    ],
    [
      () => ({
        ...base,
        type: 'track',
        event: 'Email Clicked',
        properties: { url: 'https://www.bench.example/offer' },
      }),
      10,
    ],
    [() => ({ ...base, type: 'page', name: 'Pricing', properties: { path: '/pricing', title: 'Pricing' } }), 9.8],
    [
      () => ({
        ...base,
        type: 'track',
        event: 'Demo Requested',
        properties: { email, company: `Company ${lead % 97}`, plan: 'team' },
      }),
      0.2,
    ],
  ])();
}

/** As the collector would put it on the log. */
export function leadEventOf(client: ClientEvent, source: string, receivedAt: number): LeadEvent {
  const email = (client.traits?.['email'] ?? client.properties['email']) as string | undefined;
  const links = client.type === 'identify' || client.event === 'Demo Requested';
  return {
    id: eventIdOf(source, client.messageId),
    type: client.type,
    source,
    occurredAt: client.timestamp,
    receivedAt,
    anonymousId: client.anonymousId,
    ...(client.userId ? { userId: `main:${client.userId}` } : {}),
    ...(email && links ? { email } : {}),
    ...(links ? { links } : {}),
    ...((client.event ?? client.name) ? { name: client.event ?? client.name } : {}),
    properties: client.properties,
    ...(client.traits ? { traits: client.traits } : {}),
    context: client.context,
  };
}

/** Draws ranks 0 … n-1 with probability proportional to 1 / (rank + 1)^s. */
function zipf(n: number, s: number, random: Random): () => number {
  const cumulative = new Float64Array(n);
  let total = 0;
  for (let rank = 0; rank < n; rank++) cumulative[rank] = total += 1 / (rank + 1) ** s;
  return () => {
    const target = random.next() * total;
    let low = 0;
    let high = n - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle]! < target) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

function uuid(random: Random, version: 4 | 7, at: number): string {
  const hex = createHash('md5').update(String(random.next())).update(String(random.next())).digest('hex');
  const head = version === 7 ? Math.max(0, at).toString(16).padStart(12, '0') : hex.slice(0, 12);
  return `${head.slice(0, 8)}-${head.slice(8)}-${version}${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
