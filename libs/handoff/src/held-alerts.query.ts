import { Query, type IQueryHandler, type Queryable } from '#libs/platform';

/** A crossing that a publish made: decided, but nobody was alerted. */
export interface HeldAlert {
  /** Id of the decision. */
  crossing: string;
  batch: number;
  crossedAt: Date;
  lead: number;
  displayName: string | null;
  company: string | null;
  email: string | null;
  /** All hot rules that held. */
  rules: string[];
  /** As it stands now; the score in tenths. */
  score: number | null;
  temperature: string | null;
  releasedAt: Date | null;
  releasedBy: string | null;
  /** One per channel; none until the worker has seen the crossing, or without a channel. */
  deliveries: { id: string; channel: string; state: string; reason: string | null }[];
}

export interface HeldAlertsAsked {
  released?: boolean;
  limit: number;
  after?: { batch: number; crossing: string };
}

/** What publishing this version held back, oldest first. */
export class ListHeldAlerts extends Query<{ alerts: HeldAlert[]; complete: boolean }> {
  constructor(
    readonly version: number,
    readonly asked: HeldAlertsAsked,
  ) {
    super();
  }
}

/** A decision names one key. */
export const keyOfDecision = `case when e.uid is not null then 'u:' || e.uid when e.email is not null then 'e:' || e.email else 'a:' || e.anon end`;

/** Held crossings of version $1; the root lead, as the record's key finds it today. */
export const heldCrossings = `event e join batch b on b.id = e.batch
  join subject_key s on s.key = ${keyOfDecision}
  join lead own on own.id = s.lead
  left join lead_rank k on k.lead = coalesce(own.merged_into, own.id)
  left join alert_release r on r.crossing = e.id
  where e.kind = 'decision' and e.body->>'decision' = 'hot' and e.body->>'cause' = 'publish' and b.rulebook_version = $1`;

export class ListHeldAlertsHandler implements IQueryHandler<ListHeldAlerts> {
  static readonly handles = ListHeldAlerts;

  constructor(private readonly db: Queryable) {}

  async execute({ version, asked }: ListHeldAlerts) {
    const { released, limit, after } = asked;
    const found = await this.db.query<HeldAlert>(
      `select e.id as crossing, e.batch, e.occurred_at as "crossedAt", coalesce(own.merged_into, own.id) as lead,
         k.display_name as "displayName", k.company, k.email, e.body->'rules' as rules, k.score, k.temperature,
         r.released_at as "releasedAt", r.released_by as "releasedBy",
         (select coalesce(json_agg(json_build_object('id', d.id, 'channel', d.channel, 'state', d.state, 'reason', d.reason) order by d.channel), '[]')
          from delivery d where d.crossing = e.id) as deliveries
       from ${heldCrossings}
         and ($2::boolean is null or (r.crossing is not null) = $2) and ($3::bigint is null or (e.batch, e.id) > ($3, $4::uuid))
       order by e.batch, e.id limit $5`,
      [version, released ?? null, after?.batch ?? null, after?.crossing ?? null, limit],
    );
    return { alerts: found.rows, complete: await this.complete(version) };
  }

  /** While the live version is new, leads are still being derived under it, and more may be held. */
  private async complete(version: number): Promise<boolean> {
    const left = await this.db.query<{ waiting: boolean }>(
      `select exists (select 1 from lead where rulebook > 0 and rulebook <> $1 and merged_into is null and not mixed)
         and $1 = (select version from rulebook_publish order by id desc limit 1) as waiting`,
      [version],
    );
    return !left.rows[0]!.waiting;
  }
}
