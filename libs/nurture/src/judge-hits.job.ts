import type { EventLog } from '#libs/event-log';
import { topics } from '#libs/event-log';
import { recordOf } from '#libs/leads';
import type { LeadEvent } from '#libs/leads/domain';
import { databaseNow, derivedId, type Pool, type Queryable } from '#libs/platform';
import { judgeHits, verdictRule, type Hit, type Verdict } from './domain/verdict.js';

const isHit = "source = 'collector' and type = 'track' and body ->> 'name' in ('Email Opened', 'Email Clicked')";
const uuid = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';
const settingKey = 'nurture.verdicts';
// a late commit shows behind the mark; and a burst needs its ten seconds to be seen whole
const overlapMs = 10 * 60_000;
const restMs = 12_000;
const batch = 200;

interface HitRow {
  id: string;
  name: string;
  delivery: string;
  at: Date;
  url: string | null;
  context: Record<string, unknown> | null;
  verdict: Verdict | null;
  sentAt: Date;
  html: string | null;
}

/**
 * Judges the hits of deliveries that were hit lately and states each verdict that is new. Asked again it states nothing:
 * what counts is the verdict already in the record, and its id derives from hit, rule and verdict.
 */
export async function judgeDeliveries(pool: Pool, log: EventLog): Promise<boolean> {
  const now = await databaseNow(pool);
  const since = await readMark(pool);
  const recent = await pool.query<{ delivery: string; last: Date }>(
    `select body #>> '{properties,deliveryId}' as delivery, max(received_at) as last from event
     where ${isHit} and received_at > $1 and body #>> '{properties,deliveryId}' ~ $2
     group by 1 order by 2 limit $3`,
    [new Date(since - overlapMs), uuid, batch + 1_000],
  );
  const rested = recent.rows.filter((row) => now.getTime() - row.last.getTime() >= restMs);
  const hits = await readHits(
    pool,
    rested.map((row) => row.delivery),
  );
  const verdicts = [...byDelivery(hits).values()].flatMap((ofOne) => newVerdicts(ofOne, now.getTime()));
  if (verdicts.length) {
    const { acked, error } = await log.append(verdicts.map((verdict) => recordOf(verdict, topics.events)));
    if (acked.some((ok) => !ok)) throw new Error('the event log does not take verdicts', { cause: error });
  }
  const waiting = recent.rows.filter((row) => now.getTime() - row.last.getTime() < restMs);
  const cut = recent.rows.length > batch + 1_000 ? recent.rows.at(-1)!.last.getTime() : now.getTime();
  await writeMark(pool, Math.min(cut, ...waiting.map((row) => row.last.getTime())), since);
  return recent.rows.length > batch + 1_000;
}

function byDelivery(hits: HitRow[]): Map<string, HitRow[]> {
  const groups = new Map<string, HitRow[]>();
  for (const hit of hits) groups.set(hit.delivery, [...(groups.get(hit.delivery) ?? []), hit]);
  return groups;
}

async function readHits(db: Queryable, deliveries: string[]): Promise<HitRow[]> {
  if (!deliveries.length) return [];
  const result = await db.query<HitRow>(
    `select h.id, h.body ->> 'name' as name, h.body #>> '{properties,deliveryId}' as delivery, h.occurred_at as at,
       h.body #>> '{properties,url}' as url, h.body -> 'context' as context, judged.verdict,
       coalesce(d.handed_off_at, d.created_at) as "sentAt", t.html
     from event h join delivery d on d.id = (h.body #>> '{properties,deliveryId}')::uuid
     left join template_version t on t.name = d.payload ->> 'template' and t.version = (d.payload ->> 'version')::int and t.locale = d.payload ->> 'locale'
     left join lateral (
       select v.body ->> 'name' as verdict from event v where v.refers_to = h.id and v.type = 'verdict'
       order by v.occurred_at desc, v.id desc limit 1) judged on true
     where h.source = 'collector' and h.type = 'track' and h.body ->> 'name' in ('Email Opened', 'Email Clicked')
       and h.body #>> '{properties,deliveryId}' = any($1::text[])`,
    [deliveries],
  );
  return result.rows;
}

function newVerdicts(rows: HitRow[], now: number): LeadEvent[] {
  const verdicts = judgeHits(rows.map(hitOf), rows[0]!.sentAt.getTime(), countLinks(rows[0]!.html ?? ''));
  return rows.flatMap((row) => {
    const verdict = verdicts.get(row.id)!;
    if (verdict === row.verdict) return [];
    return [
      {
        id: derivedId('verdict', row.id, verdictRule, verdict),
        type: 'verdict',
        source: 'worker',
        occurredAt: now,
        receivedAt: now,
        refersTo: row.id,
        name: verdict,
        properties: { rule: verdictRule },
      },
    ];
  });
}

function hitOf(row: HitRow): Hit {
  const said = (name: string): string | undefined =>
    typeof row.context?.[name] === 'string' ? row.context[name] : undefined;
  const prefetch = ['purpose', 'sec-purpose', 'x-purpose', 'x-moz'].some((header) =>
    /prefetch|prerender|preview/i.test(said(header) ?? ''),
  );
  return {
    id: row.id,
    kind: row.name === 'Email Opened' ? 'open' : 'click',
    at: row.at.getTime(),
    prefetch,
    ...(row.url !== null && { url: row.url }),
    ...optional('method', said('method')),
    ...optional('userAgent', said('userAgent')),
  };
}

const optional = <K extends string>(name: K, value: string | undefined): { [P in K]?: string } =>
  (value === undefined ? {} : { [name]: value }) as { [P in K]?: string };

/** Different links of a mail that are tracked. */
export const countLinks = (html: string): number =>
  new Set(
    [...html.matchAll(/<a\b[^>]*?\shref="([^"]*)"/gi)]
      .map((match) => match[1]!)
      .filter((href) => !/unsubscribe_url|^mailto:/i.test(href)),
  ).size;

async function readMark(db: Queryable): Promise<number> {
  const result = await db.query<{ value: { until: number } }>('select value from setting where key = $1', [settingKey]);
  return result.rows[0]?.value.until ?? 0;
}

/** Written once a minute at the most: the overlap makes more pointless. */
async function writeMark(db: Queryable, until: number, before: number): Promise<void> {
  if (until - before < 60_000) return;
  await db.query(
    `insert into setting (key, value, changed_at) values ($1, $2, leadfold_now())
     on conflict (key) do update set value = excluded.value, changed_at = excluded.changed_at`,
    [settingKey, JSON.stringify({ until })],
  );
}
