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
const pageSize = 1_000;

interface HitRow {
  id: string;
  name: string;
  delivery: string;
  at: Date;
  receivedAt: Date;
  url: string | null;
  context: Record<string, unknown> | null;
  verdict: Verdict | null;
  sentAt: Date;
  html: string | null;
}

/**
 * Judges the hits of deliveries that were hit since the last round, all of them under a new rule, and states each verdict
 * that is new. Asked again it states nothing: what counts is the verdict already in the record, and its id derives from hit,
 * rule and verdict. A delivery hit a moment ago waits until its burst can be seen whole.
 */
export async function judgeDeliveries(pool: Pool, log: EventLog): Promise<void> {
  const now = (await databaseNow(pool)).getTime();
  const mark = await readMark(pool);
  let until = now;
  let cursor: Cursor = { at: new Date(mark.rule === verdictRule ? mark.until - overlapMs : 0), id: nobody };
  for (;;) {
    const page = await hitAfter(pool, cursor);
    const hits = await readHits(pool, [...new Set(page.map((hit) => hit.delivery))]);
    const verdicts: LeadEvent[] = [];
    for (const ofOne of byDelivery(hits).values()) {
      const lastAt = Math.max(...ofOne.map((hit) => hit.receivedAt.getTime()));
      if (now - lastAt < restMs) until = Math.min(until, lastAt);
      else verdicts.push(...newVerdicts(ofOne, now));
    }
    await state(log, verdicts);
    if (page.length < pageSize) break;
    cursor = page.at(-1)!;
  }
  await writeMark(pool, { until, rule: verdictRule }, mark);
}

async function state(log: EventLog, verdicts: LeadEvent[]): Promise<void> {
  if (verdicts.length === 0) return;
  const { acked, error } = await log.append(verdicts.map((verdict) => recordOf(verdict, topics.events)));
  if (acked.some((ok) => !ok)) throw new Error('the event log does not take verdicts', { cause: error });
}

interface Cursor {
  at: Date;
  id: string;
}

const nobody = '00000000-0000-0000-0000-000000000000';

/** One page of hits, in the order in which they were received: whose deliveries are to be judged. */
async function hitAfter(db: Queryable, { at, id }: Cursor): Promise<(Cursor & { delivery: string })[]> {
  const result = await db.query<Cursor & { delivery: string }>(
    `select id, received_at as at, body #>> '{properties,deliveryId}' as delivery from event
     where ${isHit} and (received_at, id) > ($1, $2) and body #>> '{properties,deliveryId}' ~ $3
     order by received_at, id limit ${pageSize}`,
    [at, id, uuid],
  );
  return result.rows;
}

function byDelivery(hits: HitRow[]): Map<string, HitRow[]> {
  const groups = new Map<string, HitRow[]>();
  for (const hit of hits) groups.set(hit.delivery, [...(groups.get(hit.delivery) ?? []), hit]);
  return groups;
}

async function readHits(db: Queryable, deliveries: string[]): Promise<HitRow[]> {
  if (!deliveries.length) return [];
  const result = await db.query<HitRow>(
    `select h.id, h.body ->> 'name' as name, h.body #>> '{properties,deliveryId}' as delivery, h.occurred_at as at, h.received_at as "receivedAt",
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

interface Mark {
  /** Received by then, ms: judged. */
  until: number;
  /** By this rule; the first one did not say so. */
  rule: number;
}

async function readMark(db: Queryable): Promise<Mark> {
  const result = await db.query<{ value: Partial<Mark> }>('select value from setting where key = $1', [settingKey]);
  const { until = 0, rule = 1 } = result.rows[0]?.value ?? {};
  return { until, rule };
}

/** Written once a minute at the most: the overlap makes more pointless. */
async function writeMark(db: Queryable, mark: Mark, before: Mark): Promise<void> {
  if (mark.rule === before.rule && mark.until - before.until < 60_000) return;
  await db.query(
    `insert into setting (key, value, changed_at) values ($1, $2, leadfold_now())
     on conflict (key) do update set value = excluded.value, changed_at = excluded.changed_at`,
    [settingKey, JSON.stringify(mark)],
  );
}
