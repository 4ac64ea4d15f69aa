import type { SubjectKey } from '#libs/leads/domain';
import type { Pool, PoolClient } from '#libs/platform';
import { unseenBatches } from '../batch/refold-slices.projection.js';
import type { ProjectionContext } from '../projection-context.js';
import { plainArray, textArray } from '../store/arrays.js';
import { writeIdentity } from '../upkeep/write-identity.command.js';
import { deriveIdentity, type DerivedIdentity } from '../upkeep/derive-identity.query.js';
import { repeating } from '../upkeep/sweep.projection.js';
import { onOwnSession, writeJob } from './job.store.js';
import { clearShadow, createShadow, forBulk, indexShadow } from './shadow.store.js';

/** Draws the cut, and derives who is who from the events before it: whose an event is has to be known before it is folded. */
export const beginRebuild = (pool: Pool, context: ProjectionContext, parts: number, startedBy: string): Promise<void> =>
  repeating(() =>
    onOwnSession(pool, async (client) => {
      await forBulk(client);
      await client.query('begin isolation level repeatable read');
      await clearShadow(client);
      const { after, underWay } = await unseenBatches(client);
      const cut = { until: after, underWay };
      await createShadow(client, cut);
      const { rows } = await client.query<{ rulebook: number; pages: number }>(
        `select (select version from rulebook_publish order by id desc limit 1) as rulebook,
          (pg_relation_size('public.event') / current_setting('block_size')::bigint) as pages`,
      );
      await client.query(unseenTargets);
      const derived = await deriveIdentity(client, context.settings, (keys) => mintKeys(client, keys));
      await writeIdentity(client, derived);
      await writeRelink(client, derived);
      await indexShadow(client, ['link', 'apart', 'identification', 'skipped_identification', 'unapplied_judgement']);
      await client.query('insert into part (part) select * from generate_series(0, $1 - 1)', [parts]);
      const relinked = await countRelinked(client);
      await writeJob(client, { startedBy, phase: 'fold', cut, parts, relinked, ...rows[0]! });
      await client.query('commit');
    }),
  );

/** A judgement waits unless its whole chain down to the fact can be seen: by the events before the cut, whatever live says. */
const unseenTargets = `insert into unapplied_judgement (event, target, since)
  select j.id, j.refers_to, j.received_at from event j left join event t on t.id = j.refers_to
    left join event f on t.kind = 'judgement' and f.id = t.refers_to
  where j.kind in ('judgement', 'retraction') and j.refers_to is not null
    and (t.id is null or (j.kind = 'retraction' and t.kind = 'judgement' and f.id is null))`;

/** The keys of who is who; those of other events are minted once they were read. */
const mintKeys = (client: PoolClient, keys: Iterable<SubjectKey>) =>
  mint(client, 'select unnest($1::text[]) as key', [textArray([...new Set(keys)])]);

export const mintFoldedKeys = (client: PoolClient) => mint(client, 'select distinct key from part_state');

const mint = (client: PoolClient, keys: string, values: string[] = []) =>
  client.query(
    `insert into public.subject_key (key, lead) select n.key, nextval('lead_id_seq') from (${keys}) as n
      where n.key is not null and not exists (select 1 from public.subject_key s where s.key = n.key) order by n.key on conflict (key) do nothing`,
    values,
  );

async function writeRelink(client: PoolClient, { linkage }: DerivedIdentity): Promise<void> {
  const ids = [...linkage.keys()];
  await client.query(
    'insert into relink (lead, root, mixed) select lead, coalesce(root, lead), mixed from unnest($1::bigint[], $2::bigint[], $3::bool[]) as t(lead, root, mixed)',
    [
      plainArray(ids),
      plainArray(ids.map((id) => linkage.get(id)!.mergedInto)),
      plainArray(ids.map((id) => linkage.get(id)!.mixed)),
    ],
  );
  await client.query('analyze relink');
}

/** Leads that stood merged, split or mixed otherwise than their events say. */
async function countRelinked(client: PoolClient): Promise<number> {
  const { rows } = await client.query<{ relinked: number }>(
    `select count(*)::int as relinked from public.lead l full join relink r on r.lead = l.id
      where (coalesce(l.merged_into, l.id), coalesce(l.mixed, false)) is distinct from (coalesce(r.root, l.id), coalesce(r.mixed, false))`,
  );
  return rows[0]!.relinked;
}
