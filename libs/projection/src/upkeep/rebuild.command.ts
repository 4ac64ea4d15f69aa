import { canonicalJson } from '#libs/leads/domain';
import { databaseNow, inTransaction, type Pool, type Queryable } from '#libs/platform';
import { lockRulebookShared } from '../batch/first-round.projection.js';
import { refoldWhole } from '../batch/refold-slices.projection.js';
import { revisionOf, sameMemory, unrecorded } from '../batch/remember.js';
import { look } from '../domain/index.js';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import { rulebookLock } from '../rulebook.store.js';
import { plainArray, textArray } from '../store/arrays.js';
import { lockLeads, writeLeads, type LockedLead } from '../store/lead.store.js';
import { rankOf, writeRanks } from '../store/rank.store.js';
import { openBatch } from '../store/offset.store.js';
import { deriveIdentity, type DerivedIdentity } from './derive-identity.query.js';
import { visitorsAmong } from './review.projection.js';
import { repeating } from './sweep.projection.js';

export interface RebuildReport {
  leads: number;
  /** Leads whose stored state or memory was another than their events and decisions say. */
  corrected: number;
  /** Leads that were merged, split or mixed otherwise than their events say. */
  relinked: number;
}

const slice = 200;

/**
 * All derived state anew from `event`, memory from the decisions recorded there. Lead ids stay, nothing is decided or sent.
 * Who is who is rebuilt while batches wait; then each lead is refolded under its own lock while they go on.
 */
export async function rebuild(
  pool: Pool,
  context: ProjectionContext,
  onProgress: (report: RebuildReport) => void = () => undefined,
): Promise<RebuildReport> {
  const report: RebuildReport = { leads: 0, corrected: 0, relinked: await rebuildIdentity(pool, context) };
  for (let last = 0; ;) {
    const done = await repeating(() => rebuildSlice(pool, context, last));
    if (done.last === undefined) return report;
    last = done.last;
    report.leads += done.leads;
    report.corrected += done.corrected;
    onProgress(report);
  }
}

async function rebuildIdentity(pool: Pool, context: ProjectionContext): Promise<number> {
  return inTransaction(pool, async (client) => {
    await client.query('set local statement_timeout = 0');
    await client.query('select pg_advisory_xact_lock($1)', [rulebookLock]);
    await mintMissingKeys(client);
    await client.query(
      `delete from unapplied_judgement u using event t where t.id = u.target
        and (t.kind <> 'judgement' or t.refers_to is null or exists (select 1 from event f where f.id = t.refers_to))`,
    );
    const derived = await deriveIdentity(client, context.settings.keyLimit);
    await client.query('delete from link');
    await client.query('delete from apart');
    await client.query('delete from identification');
    await insertIdentity(client, derived);
    return relink(client, derived);
  });
}

const mayState = `(type in ('identify', 'alias', 'merge') or (type = 'track' and (body->>'links' = 'true' or body->>'name' = 'Email Clicked')))`;

async function mintMissingKeys(client: Queryable): Promise<void> {
  await client.query(
    `with named as (
        select distinct case when uid is not null then 'u:' || uid when email is not null then 'e:' || email else 'a:' || anon end as key
        from event where kind not in ('judgement', 'retraction', 'decision')
        union select 'a:' || anon from event where anon is not null and ${mayState}
        union select 'e:' || email from event where email is not null and ${mayState}
        union select body->>'otherKey' from event where type in ('alias', 'merge', 'apart')),
      minted as (insert into subject_key (key, lead) select key, nextval('lead_id_seq') from named where key is not null order by key
        on conflict (key) do nothing returning lead)
      insert into lead (id) overriding system value select lead from minted
      union all select s.lead from subject_key s where not exists (select 1 from lead l where l.id = s.lead)`,
  );
}

async function insertIdentity(client: Queryable, { links, aparts, identifications }: DerivedIdentity): Promise<void> {
  await client.query(
    `insert into link (event, a, b, at, state, reason, batch) select event, a, b, to_timestamp(at / 1000.0), state, reason, batch
      from unnest($1::uuid[], $2::text[], $3::text[], $4::float8[], $5::text[], $6::text[], $7::bigint[]) as t(event, a, b, at, state, reason, batch)`,
    [
      plainArray(links.map((row) => row.event)),
      textArray(links.map((row) => row.a)),
      textArray(links.map((row) => row.b)),
      plainArray(links.map((row) => row.at)),
      textArray(links.map((row) => row.state)),
      textArray(links.map((row) => row.reason)),
      plainArray(links.map((row) => row.batch)),
    ],
  );
  await client.query(
    `insert into apart (event, a, b, at, batch) select event, a, b, to_timestamp(at / 1000.0), batch
      from unnest($1::uuid[], $2::text[], $3::text[], $4::float8[], $5::bigint[]) as t(event, a, b, at, batch)`,
    [
      plainArray(aparts.map((row) => row.event)),
      textArray(aparts.map((row) => row.a)),
      textArray(aparts.map((row) => row.b)),
      plainArray(aparts.map((row) => row.at)),
      plainArray(aparts.map((row) => row.batch)),
    ],
  );
  await client.query(
    `insert into identification (anon, at, event, strong, batch) select anon, to_timestamp(at / 1000.0), event, strong, batch
      from unnest($1::text[], $2::float8[], $3::uuid[], $4::text[], $5::bigint[]) as t(anon, at, event, strong, batch)`,
    [
      textArray(identifications.map((row) => row.anon)),
      plainArray(identifications.map((row) => row.at)),
      plainArray(identifications.map((row) => row.event)),
      textArray(identifications.map((row) => row.strong)),
      plainArray(identifications.map((row) => row.batch)),
    ],
  );
}

/** A lead that is split off takes over what was decided about its former root. Until its refold it decides nothing. */
async function relink(client: Queryable, { linkage }: DerivedIdentity): Promise<number> {
  const ids = [...linkage.keys()];
  const changed = await client.query(
    `update lead l set merged_into = n.merged_into, mixed = n.mixed, version = l.version + 1, refold_pending = n.merged_into is null,
        memory = case when n.merged_into is null and r.id is not null then r.memory else l.memory end
      from (select l.id, t.merged_into, coalesce(t.mixed, false) as mixed, l.merged_into as former
        from lead l left join unnest($1::bigint[], $2::bigint[], $3::bool[]) as t(id, merged_into, mixed) on t.id = l.id) n
      left join lead r on r.id = n.former
      where l.id = n.id and (l.merged_into, l.mixed) is distinct from (n.merged_into, n.mixed)`,
    [
      plainArray(ids),
      plainArray(ids.map((id) => linkage.get(id)!.mergedInto)),
      plainArray(ids.map((id) => linkage.get(id)!.mixed)),
    ],
  );
  await client.query(
    'delete from lead_rank k using lead l where l.id = k.lead and (l.merged_into is not null or l.mixed)',
  );
  return changed.rowCount ?? 0;
}

async function rebuildSlice(
  pool: Pool,
  context: ProjectionContext,
  after: number,
): Promise<{ last?: number; leads: number; corrected: number }> {
  return inTransaction(pool, async (client) => {
    await client.query('set local statement_timeout = 0');
    await lockRulebookShared(client);
    const found = await client.query<{ id: number }>(
      `select id from lead where id > $1 and merged_into is null order by id limit ${slice}`,
      [after],
    );
    if (found.rows.length === 0) return { leads: 0, corrected: 0 };
    const ids = found.rows.map((row) => row.id);
    const { version } = await openBatch(client);
    const rulebook = await context.rulebook(client, version);
    // whoever was merged meanwhile was refolded or added by that merge's own rules
    const leads = new Map([...(await lockLeads(client, ids))].filter(([, lead]) => lead.mergedInto === null));
    const firstStage = rulebook.funnel.stages[0]!.name;
    const changed: number[] = [];
    let corrected = 0;
    for (const [root, { state, ...recorded }] of await refoldWhole(client, [...leads.keys()], rulebook, context)) {
      const lead = leads.get(root)!;
      const memory = recorded.memory ?? (lead.refoldPending ? lead.memory : unrecorded(lead, firstStage));
      const wrong =
        lead.refoldPending ||
        revisionOf(lead.memory) !== revisionOf(memory) ||
        !sameMemory(lead.memory, memory, firstStage) ||
        ((lead.rulebook === version || lead.rulebook === 0) && canonicalJson(lead.state) !== canonicalJson(state));
      if (wrong) corrected += 1;
      if (wrong || (lead.rulebook !== version && lead.rulebook !== 0)) changed.push(root);
      Object.assign(lead, { state, memory, refoldPending: false, rulebook: version });
    }
    const rebuilt = changed.map((id) => ({ ...leads.get(id)!, rankHash: null }));
    await writeLeads(client, rebuilt);
    await rankAgain(client, rebuilt, rulebook);
    await dueNow(client, changed);
    return { last: ids.at(-1)!, leads: leads.size, corrected };
  });
}

/** A rank that was lost would never be found due; what is written is looked at again at once. */
async function rankAgain(client: Queryable, leads: readonly LockedLead[], rulebook: Rulebook): Promise<void> {
  const shown = leads.filter((lead) => !lead.mixed && lead.state.lastAt !== undefined);
  const visitors = await visitorsAmong(
    client,
    shown.map((lead) => lead.id),
  );
  const now = (await databaseNow(client)).getTime();
  const day = rulebook.zone.localDay(now);
  await writeRanks(
    client,
    shown.map((lead) => rankOf(lead, look(lead.state, rulebook, lead.memory, now), visitors.has(lead.id), day)),
  );
}

/** What a corrected state changes about decisions is for the ordinary, quiet review to say. */
async function dueNow(client: Queryable, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return;
  await client.query('update lead set next_change_at = leadfold_now() where id = any($1::bigint[]) and not mixed', [
    plainArray(ids),
  ]);
  await client.query('update lead_rank set next_change_at = leadfold_now() where lead = any($1::bigint[])', [
    plainArray(ids),
  ]);
}
