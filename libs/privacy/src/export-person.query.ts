import { describeEvent, type LeadEvent } from '#libs/leads/domain';
import { addressHash } from '#libs/nurture';
import { Query, type IQueryHandler, audit, DomainError, type Pool, type Queryable } from '#libs/platform';
import {
  explain,
  readLookNow,
  readTimeline,
  type LeadRef,
  type LookedAt,
  type ProjectionContext,
  type TimelineEvent,
} from '#libs/projection';
import type { PersonExport } from './domain/index.js';

/** One person's data as JSON, in pieces: the events of a long history are never held all at once. Audited. */
export class ExportPerson extends Query<AsyncIterable<string>> {
  constructor(
    readonly ref: LeadRef,
    readonly locale: 'ja' | 'en',
    readonly actor: string,
  ) {
    super();
  }
}

const page = 1_000;
const iso = (ms: number): string => new Date(ms).toISOString();
const points = (tenths: number): number => tenths / 10;

export class ExportPersonHandler implements IQueryHandler<ExportPerson> {
  static readonly handles = ExportPerson;

  constructor(
    private readonly pool: Pool,
    private readonly context: ProjectionContext,
  ) {}

  async execute({ ref, locale, actor }: ExportPerson) {
    const looked = await readLookNow(this.pool, this.context, ref);
    if (!looked) throw new DomainError('lead-unknown', 'No lead has this id or key.', { status: 404, path: 'lead' });
    if (looked.lead.mixed)
      throw new DomainError(
        'shared-browser',
        'Several people use this browser. Name one of them by userId or address.',
        { status: 409, path: 'lead' },
      );
    await audit(this.pool, { actor, action: 'lead.export', target: `lead ${looked.lead.id}` });
    return this.pieces(looked, locale);
  }

  private async *pieces(looked: LookedAt, locale: 'ja' | 'en'): AsyncGenerator<string> {
    const { lead } = looked;
    const head: Omit<PersonExport, 'events'> = {
      ...personOf(looked, locale),
      ...(await this.records(lead.id, lead.keys)),
    };
    yield `${JSON.stringify(head).slice(0, -1)},"events":[`;
    let separator = '\n';
    for (let before; ;) {
      const { events, next } = await readTimeline(this.pool, lead.id, { limit: page, ...(before ? { before } : {}) });
      if (events.length > 0)
        yield separator + events.map((event) => JSON.stringify(eventOf(event, locale))).join(',\n');
      separator = ',\n';
      if (!next) break;
      before = next;
    }
    yield '\n]}\n';
  }

  private async records(lead: number, keys: string[]) {
    const members = 'array(select id from lead where id = $1 or merged_into = $1)';
    const read = async <Row extends object>(sql: string, value: unknown): Promise<Row[]> =>
      (await (this.pool as Queryable).query<Row>(sql, [value])).rows;
    const addresses = keys.filter((key) => key.startsWith('e:')).map((key) => key.slice(2));
    const byHash = new Map(addresses.map((address) => [addressHash(address), address]));
    const suppressed = await read<{ hash: string; reason: string; at: Date }>(
      'select hash, reason, at from suppression where hash = any($1::text[])',
      [...byHash.keys()],
    );
    const [account = null] = await read<NonNullable<PersonExport['account']>>(
      'select k.account as key, a.name from lead_rank k left join account a on a.key = k.account where k.lead = $1 and k.account is not null',
      lead,
    );
    return {
      account,
      browsers: await read<PersonExport['browsers'][number]>(
        `select anon as browser, strong as "identifiedAs", at, event from identification where strong = any($1::text[])
          union all select anon, strong, at, event from skipped_identification where strong = any($1::text[]) order by at, event`,
        keys,
      ),
      links: await read<PersonExport['links'][number]>(
        `select a, b, state, at, event from link where a = any($1::text[]) or b = any($1::text[]) order by at, event`,
        keys,
      ),
      suppressions: suppressed.map(({ hash, reason, at }) => ({
        address: byHash.get(hash)!,
        reason,
        at: at.toISOString(),
      })),
      runs: await read<PersonExport['runs'][number]>(
        `select r.id, r.scenario, r.version, r.state, r.exit_reason as "exitReason", r.entered_at as "enteredAt", r.ended_at as "endedAt",
           (select coalesce(jsonb_agg(jsonb_build_object('at', l.at, 'step', l.step, 'effect', l.effect, 'reason', l.reason) order by l.id), '[]')
            from run_log l where l.run = r.id) as log
         from run r where r.lead = any(${members}) order by r.entered_at, r.id`,
        lead,
      ),
      deliveries: await read<PersonExport['deliveries'][number]>(
        `select id, purpose, channel, recipient, state, reason, created_at as "createdAt", ended_at as "endedAt", payload as content
         from delivery where lead = any(${members}) order by created_at, id`,
        lead,
      ),
    };
  }
}

function personOf({ lead, rulebook, now, look }: LookedAt, locale: 'ja' | 'en') {
  const told = explain(lead.state, rulebook, lead.memory, now, locale);
  const stamped = <Value extends { at: number }>(record: Record<string, Value>, keep: (value: Value) => object) =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, { ...keep(value), at: iso(value.at) }]));
  return {
    format: 'leadfold-person' as const,
    version: 1 as const,
    exportedAt: iso(now),
    lead: lead.id,
    keys: lead.keys,
    visitor: lead.visitor,
    profile: stamped(lead.state.profile, ({ value, event }) => ({ value, event })) as PersonExport['profile'],
    consent: stamped(lead.state.consent, ({ value, event }) => ({ ...value, event })) as PersonExport['consent'],
    standing: {
      rulebook: rulebook.version,
      stage: look.stage ?? look.initialStage,
      temperature: look.temperature,
      band: look.band,
      grade: look.grade,
      segments: look.segments,
      hotUntil: told.hotUntil === null ? null : iso(told.hotUntil),
    },
    score: {
      total: points(told.score.total),
      lines: told.score.lines.map((line) => ({ kind: line.kind, label: line.label, points: points(line.points) })),
      engagement: told.engagement.lines.map((line) => ({
        name: line.name,
        label: line.label,
        points: points(line.points),
        count: line.count ?? null,
      })),
      fit: told.fit.lines.map((line) => ({ text: line.text, held: line.held, points: points(line.points) })),
      hot: told.hot.map(({ name, held, lines }) => ({
        name,
        held,
        conditions: lines.map((line) => ({ text: line.text, held: line.held })),
      })),
    },
  };
}

function eventOf(row: TimelineEvent, locale: 'ja' | 'en'): PersonExport['events'][number] {
  const { id, kind, type, source, body } = row;
  const properties = kind === 'decision' ? body : (body['properties'] ?? {});
  const event = { ...body, id, type, source, occurredAt: row.occurredAt, properties } as unknown as LeadEvent;
  return {
    ...{ id, kind, type, source, body },
    occurredAt: iso(row.occurredAt),
    receivedAt: iso(row.receivedAt),
    text: describeEvent(event, locale),
  };
}
