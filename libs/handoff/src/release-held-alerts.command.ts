import { dueChannel, outboxChannel, releaseSuppressed } from '#libs/delivery';
import {
  Command,
  type ICommandHandler,
  audit,
  DomainError,
  inTransaction,
  type Pool,
  type PoolClient,
} from '#libs/platform';
import { heldCrossings, keyOfDecision } from './held-alerts.query.js';

export type WhichAlerts = { crossings: string[] } | { all: true; stillHot: boolean };

export interface ReleasedAlerts {
  /** Crossings let go by this command. */
  released: number;
  /** Asked for, and let go before: nothing happens twice. */
  alreadyReleased: number;
  /** Alerts that wait for the worker now. */
  deliveries: number;
  /** Crossings whose alerts the worker still has to write. */
  toBeWritten: number;
}

/** Lets alerts go that a publish held back: each once, under the key that it always had (I17). */
export class ReleaseHeldAlerts extends Command<ReleasedAlerts> {
  constructor(
    readonly version: number,
    readonly which: WhichAlerts,
    readonly actor: string,
    readonly note = '',
  ) {
    super();
  }
}

interface Found {
  crossing: string;
  released: boolean;
}

export class ReleaseHeldAlertsHandler implements ICommandHandler<ReleaseHeldAlerts> {
  static readonly handles = ReleaseHeldAlerts;

  constructor(private readonly pool: Pool) {}

  async execute({ version, which, actor, note }: ReleaseHeldAlerts): Promise<ReleasedAlerts> {
    return inTransaction(this.pool, async (client) => {
      await requireChannel(client);
      const found = await this.find(client, version, which);
      // who comes second waits here for the first, and then finds the row
      const inserted = await client.query<{ crossing: string }>(
        `insert into alert_release (crossing, released_by, released_at)
         select id, $2, leadfold_now() from unnest($1::uuid[]) as t(id) order by id on conflict do nothing returning crossing`,
        [found.filter((one) => !one.released).map((one) => one.crossing), actor],
      );
      const crossings = inserted.rows.map((row) => row.crossing);
      const toBeWritten = await releaseNotices(client, crossings);
      const deliveries = await releaseSuppressed(client, crossings, 'quiet:publish');
      const result = {
        released: crossings.length,
        alreadyReleased: found.length - crossings.length,
        deliveries,
        toBeWritten,
      };
      await audit(client, {
        actor,
        action: 'alerts.release',
        target: `rulebook ${version}`,
        details: { ...result, note, crossings: crossings.slice(0, 1_000) },
      });
      await client.query('select pg_notify($1, $3), pg_notify($2, $3)', [dueChannel, outboxChannel, '']);
      return result;
    });
  }

  private async find(client: PoolClient, version: number, which: WhichAlerts): Promise<Found[]> {
    const asked = 'crossings' in which ? [...new Set(which.crossings)] : null;
    const found = await client.query<Found>(
      `select e.id as crossing, r.crossing is not null as released from ${heldCrossings}
         and ($2::uuid[] is null or e.id = any($2)) and (not $3 or k.temperature = 'hot') and ($2 is not null or r.crossing is null)
       order by e.id`,
      [version, asked, 'all' in which && which.stillHot],
    );
    const known = new Set(found.rows.map((row) => row.crossing));
    const missing = asked?.findIndex((crossing) => !known.has(crossing)) ?? -1;
    if (missing >= 0)
      throw new DomainError('held-alert-unknown', `Version ${version} held back no such alert.`, {
        status: 404,
        path: `crossings.${missing}`,
      });
    return found.rows;
  }
}

async function requireChannel(client: PoolClient): Promise<void> {
  const listening = await client.query("select 1 from listener where kind = 'crossing' and wanted_by = 'handoff'");
  if (!listening.rowCount)
    throw new DomainError('no-alert-channel', 'The worker is configured with no channel for alerts.', { status: 409 });
}

/**
 * Crossings that the worker has not seen yet become loud before it does; those that were made while no channel was
 * configured get their notice now. The rows are locked first, so that no alert is written suppressed meanwhile.
 */
async function releaseNotices(client: PoolClient, crossings: readonly string[]): Promise<number> {
  await client.query('select id from outbox where key = any($1::text[]) order by id for update', [crossings]);
  const loud = await client.query(
    `with waiting as (
       update outbox set quiet_cause = null where key = any($1::text[]) and kind = 'crossing' and taken_at is null returning 1),
     late as (
       insert into outbox (key, kind, name, lead, subject_key, event, quiet_cause, payload, created_at)
       select e.id::text, 'crossing', 'hot', s.lead, s.key, e.id, null,
         jsonb_build_object('rules', e.body->'rules', 'epoch', e.body->'epoch', 'score', k.score, 'temperature', k.temperature), leadfold_now()
       from event e
       join subject_key s on s.key = ${keyOfDecision}
       join lead own on own.id = s.lead left join lead_rank k on k.lead = coalesce(own.merged_into, own.id)
       where e.id = any($1::text[]::uuid[]) and not exists (select 1 from outbox o where o.key = e.id::text)
         -- its notice may have been deleted since: its alerts are known
         and not exists (select 1 from delivery d where d.crossing = e.id)
       on conflict (key) do nothing returning 1)
     select 1 from waiting union all select 1 from late`,
    [crossings],
  );
  return loud.rowCount ?? 0;
}
