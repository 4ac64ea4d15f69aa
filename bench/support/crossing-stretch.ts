import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '#libs/event-log';
import type { CrossingRequest } from '../clients/crossing-load.js';
import type { LoadAnswer, LoadRequest } from '../clients/http-load.js';
import type { SinkPost } from '../sinks/webhook-sink.js';
import { until, type Place } from './bench-system.js';
import { sharedNow, type Child } from './child.js';
import { median } from './ratio.js';

export const crossingsPerSecond = 10;
const mostSlowest = 4;

export interface Measured {
  background: number;
  latencies: number[];
  /** Where the time went: median ms from each instant to the next. */
  stages: Record<string, number>;
  /** The same of the slowest few, and when each began: together, or one by one. */
  slowest: { atMs: number; stages: Record<string, number> }[];
  /** How many cores each process used meanwhile. */
  cores?: Record<string, number>;
  wrong?: string;
}

/** A background: events a second, how many in a request, over how many connections. */
export interface Level {
  background: number;
  perPost: number;
  connections: number;
}

interface Crossed {
  /** By lead: when its request began, and when its alerts came; ms on the shared clock. */
  began: Map<string, number>;
  arrivals: Map<string, number[]>;
}

const webhookSecret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

export const webhookEnv = (sinkPort: number): Record<string, string> => ({
  ALERT_WEBHOOK_URL: `http://127.0.0.1:${sinkPort}/alert`,
  ALERT_WEBHOOK_SECRETS: webhookSecret,
});

/** Leads cross the hot threshold, ten a second, beside a background of events; measured from request start to the sink. */
export class CrossingStretch {
  private leads = 0;
  private firstId: number;

  constructor(
    private readonly place: Place,
    private readonly children: { sink: Child; crossing: Child; load: Child },
    private readonly port: number,
    /** Another stretch on the same place needs other names and ids. */
    private readonly series = 0,
  ) {
    this.firstId = 1 + series * 10_000_000;
  }

  async measure({ background, perPost, connections }: Level, seconds: number): Promise<Measured> {
    const leads = await this.prepare(seconds);
    const loading = background
      ? this.children.load.call<LoadAnswer>('load', {
          ...this.load(perPost, connections),
          seconds: seconds + 2,
          rate: background / perPost,
        } satisfies LoadRequest)
      : undefined;
    await sleep(background ? 1_000 : 200);
    const crossed = await this.cross(leads);
    const loaded = await loading;
    if (loaded) this.firstId = loaded.nextId;
    const slow =
      loaded && loaded.acked.length < background * seconds * 0.9
        ? `only ${loaded.acked.length} background events in ${loaded.seconds} s`
        : '';
    return this.judge(leads, crossed, background, slow);
  }

  /** First so many events as fast as they are accepted, then at once the leads that cross. */
  async afterBurst(events: number, seconds: number): Promise<Measured & { acceptedSeconds: number; backlog: number }> {
    const leads = await this.prepare(seconds);
    const loaded = await this.children.load.call<LoadAnswer>('load', {
      ...this.load(100, 32),
      seconds: 60,
      atMost: events,
    } satisfies LoadRequest);
    this.firstId = loaded.nextId;
    const backlog = await this.backlog();
    const crossed = await this.cross(leads);
    const short = loaded.acked.length < events ? `only ${loaded.acked.length} of the burst accepted` : '';
    const measured = await this.judge(leads, crossed, 0, short);
    return { ...measured, acceptedSeconds: loaded.seconds, backlog };
  }

  private load(perPost: number, connections: number) {
    const posts = { count: 2_048, perPost, leads: 20_000, seed: 5, writeKey: this.place.writeKey, until: Date.now() };
    return { port: this.port, connections, firstId: this.firstId, posts };
  }

  private async prepare(seconds: number): Promise<string[]> {
    const leads = Array.from(
      { length: Math.round(seconds * crossingsPerSecond) },
      () => `lead-${this.series}${String(++this.leads).padStart(6, '0')}`,
    );
    await this.children.crossing.call('prepare', this.request(leads));
    await this.drained();
    await this.children.sink.call('take');
    return leads;
  }

  private request(leads: string[]): CrossingRequest {
    return { port: this.port, writeKey: this.place.writeKey, leads, perSecond: crossingsPerSecond };
  }

  private async cross(leads: string[]): Promise<Crossed> {
    const began = await this.children.crossing.call<Map<string, number>>('cross', this.request(leads));
    const arrivals = new Map<string, number[]>();
    const late = performance.now() + 15_000;
    do {
      await sleep(50);
      await this.collect(arrivals);
    } while (leads.some((lead) => !arrivals.has(lead)) && performance.now() < late);
    return { began, arrivals };
  }

  private async collect(arrivals: Map<string, number[]>): Promise<void> {
    for (const { at, body } of await this.children.sink.call<SinkPost[]>('take')) {
      const lead = /"(lead-\d+)@crossing\.example"/.exec(body)?.[1];
      if (lead) arrivals.set(lead, [...(arrivals.get(lead) ?? []), at]);
    }
  }

  private async judge(leads: string[], crossed: Crossed, background: number, fault: string): Promise<Measured> {
    const { began, arrivals } = crossed;
    await this.drained();
    await this.collect(arrivals);
    const missing = leads.filter((lead) => !arrivals.has(lead)).length;
    const doubled = leads.filter((lead) => (arrivals.get(lead)?.length ?? 0) > 1).length;
    const wrong = [missing && `${missing} alerts missing`, doubled && `${doubled} doubled`, fault].filter(Boolean);
    return {
      background,
      latencies: leads.flatMap((lead) => (arrivals.has(lead) ? [arrivals.get(lead)![0]! - began.get(lead)!] : [])),
      ...(await this.stages(began, arrivals)),
      ...(wrong.length ? { wrong: wrong.join(', ') } : {}),
    };
  }

  private async stages(
    began: Map<string, number>,
    arrivals: Map<string, number[]>,
  ): Promise<Pick<Measured, 'stages' | 'slowest'>> {
    const wallOf = (shared: number) => shared + (Date.now() - sharedNow());
    const { rows } = await this.place.pool.query<{ lead: string; at: number[] }>(
      `select split_part(d.payload #>> '{data,data,lead,email}', '@', 1) as lead,
         array(select extract(epoch from t) * 1000 from unnest(array[fact.received_at, b.known_at, o.created_at, o.taken_at, d.handed_off_at]) as t)::float8[] as at
       from delivery d join outbox o on o.event = d.crossing join event e on e.id = d.crossing join batch b on b.id = e.batch
       join event fact on fact.batch = e.batch and fact.email = d.payload #>> '{data,data,lead,email}' and fact.type = 'track'
       where d.payload #>> '{data,data,lead,email}' = any($1)`,
      [[...began.keys()].map((lead) => `${lead}@crossing.example`)],
    );
    const instants = rows.flatMap(({ lead, at: times }) =>
      arrivals.has(lead) ? [[wallOf(began.get(lead)!), ...times, wallOf(arrivals.get(lead)![0]!)]] : [],
    );
    const names = ['collector', 'log and locks', 'fold and commit', 'relay', 'queue, claim, hand-off', 'webhook'];
    const stagesOf = (of: (index: number) => number) =>
      Object.fromEntries(names.map((name, index) => [name, Math.round(10 * of(index)) / 10]));
    const first = Math.min(...instants.map(([start]) => start!));
    const slowest = instants.sort((a, b) => b.at(-1)! - b[0]! - (a.at(-1)! - a[0]!)).slice(0, mostSlowest);
    return {
      stages: stagesOf((index) => median(instants.map((each) => each[index + 1]! - each[index]!))),
      slowest: slowest.map((each) => ({
        atMs: Math.round(each[0]! - first),
        stages: stagesOf((index) => each[index + 1]! - each[index]!),
      })),
    };
  }

  /** Everything that stands on the log is folded. */
  private drained(): Promise<void> {
    return until('the log is drained', 120_000, async () => (await this.backlog()) <= 0);
  }

  private backlog(): Promise<number> {
    return backlogOf(this.place);
  }
}

/** Records on the log that are not folded yet. */
export async function backlogOf({ eventLog, pool }: Pick<Place, 'eventLog' | 'pool'>): Promise<number> {
  const bounds = (await Promise.all(Object.values(topics).map((topic) => eventLog.bounds(topic)))).flat();
  const folded = await pool.query<{ n: number }>('select coalesce(sum(next), 0)::int as n from partition_offset');
  return bounds.reduce((sum, { end }) => sum + end, 0) - folded.rows[0]!.n;
}
