import { movedIntervals, ownedIntervals, soleOwner, type Identification, type SubjectKey } from '#libs/leads/domain';
import { StatementPipeline, type PoolClient } from '#libs/platform';
import { historySizes } from '../batch/refold.projection.js';
import { refoldWhole } from '../batch/refold-slices.projection.js';
import type { ProjectionContext } from '../projection-context.js';
import { forgetInRebuild } from '../rebuild/rebuild.command.js';
import { rulebookLock } from '../rulebook.store.js';
import { raiseVersions, writeLinkage } from '../store/lead.store.js';
import { openBatch } from '../store/offset.store.js';
import { reviewLocked } from '../upkeep/review.projection.js';
import { crowdsOf, takeBackFew } from './crowds.command.js';
import type { Person } from './person.query.js';

/** No batch, review or sweep is under way while this is held, and each later one sees what was committed under it. */
export async function lockOutBatches(client: PoolClient): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1)', [rulebookLock]);
}

/** What of others was touched when facts were removed. */
export interface Touched {
  /** Subject keys of other people whose facts went because they named this person. */
  keys: SubjectKey[];
  /** Browsers, bare, that such facts or this person were seen on. */
  browsers: string[];
}

export interface Forgotten {
  /** Rows removed, by table. */
  removed: Record<string, number>;
  /** How the person was counted: stage, and whether as a visitor. */
  counted: { stage: string | null; visitor: boolean }[];
}

/** After the facts: who the person was, the leads, and what of that others must be folded anew for. Under `lockOutBatches`. */
export async function forgetLeads(
  client: PoolClient,
  context: ProjectionContext,
  { leads, keys, shared }: Person,
  touched: Touched,
): Promise<Forgotten> {
  const crowds = await crowdsOf(client, keys);
  const browsers = [...new Set([...shared.map((part) => part.anon), ...touched.browsers, ...crowds])].filter(
    (anon) => !keys.includes(`a:${anon}`),
  );
  const before = await placesOf(client, browsers);
  const counted = await client.query<{ stage: string | null; visitor: boolean }>(
    'select stage, visitor from lead_rank where lead = any($1::bigint[])',
    [leads],
  );
  await markCompanies(client, leads);
  const removed: Record<string, number> = {};
  const remove = async (table: string, where: string, values: unknown[]): Promise<void> => {
    removed[table] = (await client.query(`delete from ${table} where ${where}`, values)).rowCount ?? 0;
  };
  for (const table of ['identification', 'skipped_identification'])
    await remove(
      table,
      'strong = any($1::text[]) or (anon = any($2::text[]) and not exists (select 1 from event e where e.id = event))',
      [keys, [...browsers, ...keys.filter((key) => key.startsWith('a:')).map((key) => key.slice(2))]],
    );
  await remove('link', 'a = any($1::text[]) or b = any($1::text[])', [keys]);
  await remove('apart', 'a = any($1::text[]) or b = any($1::text[])', [keys]);
  await remove('lead_rank', 'lead = any($1::bigint[])', [leads]);
  await remove('subject_key', 'key = any($1::text[])', [keys]);
  await remove('lead', 'id = any($1::bigint[])', [leads]);
  await forgetInRebuild(client);
  await takeBackFew(client, browsers, context.settings.browserLimit);
  const relinked = await relink(client, browsers, before, leads);
  const roots = await rootsOf(client, touched.keys);
  await foldAnew(
    client,
    context,
    [...new Set([...roots, ...relinked])].filter((id) => !leads.includes(id)),
  );
  return { removed, counted: counted.rows };
}

/** Their company is looked at again without them; a notice about it may have named them, and is gone, so it is told again. */
async function markCompanies(client: PoolClient, leads: readonly number[]): Promise<void> {
  const companies = 'select distinct account from lead_rank where lead = any($1::bigint[]) and account is not null';
  await client.query(`insert into account_change ${companies}`, [leads]);
  await client.query(`select key from account where key in (${companies}) order by key for update`, [leads]);
  await client.query(`update account set held = null where key in (${companies})`, [leads]);
}

interface BrowserPlace {
  own: number;
  mergedInto: number | null;
  mixed: boolean;
  rows: (Identification & { root: number })[];
}

async function placesOf(client: PoolClient, browsers: readonly string[]): Promise<Map<string, BrowserPlace>> {
  const result = await client.query<
    Identification & { anon: string; own: number; mergedInto: number | null; mixed: boolean; root: number | null }
  >(
    `select t.anon, l.id as own, l.merged_into as "mergedInto", l.mixed, (extract(epoch from i.at) * 1000)::bigint as at, i.event, i.strong,
        coalesce(o.merged_into, o.id) as root
      from unnest($1::text[]) as t(anon) join subject_key k on k.key = 'a:' || t.anon join lead l on l.id = k.lead
      left join identification i on i.anon = t.anon left join subject_key s on s.key = i.strong left join lead o on o.id = s.lead`,
    [browsers],
  );
  const places = new Map<string, BrowserPlace>();
  for (const { anon, own, mergedInto, mixed, root, ...row } of result.rows) {
    const place = places.get(anon) ?? { own, mergedInto, mixed, rows: [] };
    places.set(anon, place);
    if (root !== null) place.rows.push({ ...row, root });
  }
  return places;
}

/** Where shared browsers lie now. Returns leads whose anonymous events changed hands. */
async function relink(
  client: PoolClient,
  browsers: readonly string[],
  before: ReadonlyMap<string, BrowserPlace>,
  forgotten: readonly number[],
): Promise<number[]> {
  const changedHands: number[] = [];
  const linkage = [];
  const owners = new Set<number>();
  for (const [anon, { own, mergedInto, mixed, rows }] of await placesOf(client, browsers)) {
    const rootOf = new Map(rows.map((row) => [row.strong, row.root]));
    const sole = soleOwner(rows, (strong) => rootOf.get(strong)!);
    const row = { id: own, mergedInto: sole ?? null, mixed: rows.length > 0 && sole === undefined };
    for (const { root } of rows) owners.add(root);
    changedHands.push(...handsChanged(own, before.get(anon)!.rows, rows, forgotten));
    if (row.mergedInto === mergedInto && row.mixed === mixed) continue;
    linkage.push(row);
    // a browser whose last identification named this person too is nobody's again, and its visits are its own
    if (rows.length === 0) changedHands.push(own);
  }
  await writeLinkage(client, linkage);
  await raiseVersions(client, [...owners]);
  return changedHands;
}

/** An event of others that named the person said where they were, too. What was the person's own is not there any more. */
function handsChanged(
  own: number,
  before: BrowserPlace['rows'],
  after: BrowserPlace['rows'],
  forgotten: readonly number[],
): number[] {
  const rootOf = new Map([...before, ...after].map((row) => [row.strong, row.root]));
  const owned = (rows: BrowserPlace['rows']) => ownedIntervals(rows, (strong) => rootOf.get(strong)!);
  return movedIntervals(owned(before), owned(after))
    .filter((interval) => interval.before === undefined || !forgotten.includes(interval.before))
    .flatMap((interval) => [interval.before ?? own, interval.after ?? own]);
}

async function rootsOf(client: PoolClient, keys: readonly SubjectKey[]): Promise<number[]> {
  const result = await client.query<{ root: number }>(
    `select distinct coalesce(l.merged_into, l.id) as root from subject_key k join lead l on l.id = k.lead where k.key = any($1::text[])`,
    [keys],
  );
  return result.rows.map((row) => row.root);
}

/** Quietly. A long history is left to the upkeep, which reads it beside the batches. */
async function foldAnew(client: PoolClient, context: ProjectionContext, wanted: readonly number[]): Promise<void> {
  const standing = await client.query<{ id: number }>(
    'select id from lead where id = any($1::bigint[]) and merged_into is null and not mixed order by id for update',
    [wanted],
  );
  const roots = standing.rows.map((row) => row.id);
  if (roots.length === 0) return;
  const sizes = await historySizes(client, roots, context.settings.refoldLimit + 1);
  const long = roots.filter((root) => (sizes.get(root) ?? 0) > context.settings.refoldLimit);
  await client.query('update lead set refold_pending = true, version = version + 1 where id = any($1::bigint[])', [
    long,
  ]);
  const { version } = await openBatch(client);
  const short = roots.filter((root) => !long.includes(root));
  const refolded = await refoldWhole(client, short, await context.rulebook(client, version), context);
  const empty = short.filter((root) => refolded.get(root)!.state.lastAt === undefined);
  await client.query('delete from lead_rank where lead = any($1::bigint[])', [empty]);
  const pipeline = new StatementPipeline(client);
  await reviewLocked(pipeline, context, short, refolded);
  await pipeline.settled();
}
