import { emptyState } from '#libs/leads/domain';
import type { PoolClient, Queryable } from '#libs/platform';
import type { ProjectionContext, Rulebook } from '../projection-context.js';
import {
  foldHistory,
  historyEvents,
  historySizes,
  judgementsOf,
  readOwnership,
  refoldLeads,
  take,
  type HistoryRow,
  type Refolded,
} from './refold.projection.js';

/** Events that a long refold holds at a time. */
const sliceSize = 2_000;

/** One lead's refold in bounded memory: its events come by a cursor, so all of them from one snapshot. */
export async function refoldInSlices(
  client: PoolClient,
  root: number,
  rulebook: Rulebook,
  context: ProjectionContext,
): Promise<Refolded> {
  const ownership = await readOwnership(client, [root]);
  const history = ownership.histories.get(root)!;
  const state = emptyState();
  await client.query(
    `declare leadfold_history no scroll cursor for ${historyEvents(`array[${Number(root)}]::bigint[]`)}`,
  );
  for (;;) {
    const { rows } = await client.query<HistoryRow>(`fetch ${sliceSize} from leadfold_history`);
    if (rows.length === 0) break;
    for (const row of rows) take(row, ownership);
    const judgements = await judgementsOf(
      client,
      history.events.map((event) => event.id),
    );
    foldHistory(history.events, judgements, rulebook, context, state);
    history.events = [];
  }
  await client.query('close leadfold_history');
  return history.memory ? { state, memory: history.memory } : { state };
}

/** Any leads, however long their histories: short ones together, long ones in slices. */
export async function refoldWhole(
  client: PoolClient,
  roots: Iterable<number>,
  rulebook: Rulebook,
  context: ProjectionContext,
): Promise<Map<number, Refolded>> {
  const sizes = await historySizes(client, roots, context.settings.refoldLimit + 1);
  const refolded = new Map<number, Refolded>();
  let group: number[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    for (const [root, one] of await refoldLeads(client, group, rulebook, context)) refolded.set(root, one);
    group = [];
    size = 0;
  };
  for (const root of roots) {
    const own = sizes.get(root) ?? 0;
    if (own > context.settings.refoldLimit) {
      refolded.set(root, await refoldInSlices(client, root, rulebook, context));
      continue;
    }
    if (size + own > context.settings.refoldLimit) await flush();
    group.push(root);
    size += own;
  }
  await flush();
  return refolded;
}

/** Batches that a snapshot does not show: those after the latest it shows, and those that were under way. */
export interface Unseen {
  after: number;
  underWay: number[];
}

const longestUnderWay = 20_000;

export async function unseenBatches(snapshot: Queryable): Promise<Unseen> {
  const { rows } = await snapshot.query<Unseen>(
    `with latest as (select coalesce(max(id), 0) as id from batch)
      select id as after, array(select g from generate_series(greatest(1, id - ${longestUnderWay}), id) as g where not exists (select 1 from batch b where b.id = g))::int8[] as "underWay"
      from latest`,
  );
  return { after: rows[0]!.after, underWay: rows[0]!.underWay.map(Number) };
}
