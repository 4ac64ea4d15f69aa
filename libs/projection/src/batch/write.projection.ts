import { derivedId } from '#libs/platform';
import type { SubjectKey } from '#libs/leads/domain';
import { joinJson, plainArray, splitJson, textArray } from '../store/arrays.js';
import { writeLeads, type LockedLead } from '../store/lead.store.js';
import { deleteRanks, writeRanks, rankOf, type RankRow } from '../store/rank.store.js';
import type { Look } from '../domain/index.js';
import type { MadeDecision } from './settle.projection.js';
import { flippedOf } from './awaited-flips.js';
import { isFact } from './judgement.projection.js';
import { revisionOf } from './remember.js';
import { isOld } from './settle.projection.js';
import { ownerOf, type Step } from './step.js';

interface Notice {
  key: string;
  kind: 'crossing' | 'stage' | 'segment' | 'signal' | 'condition';
  name: string;
  lead: number;
  subjectKey: SubjectKey;
  event: string;
  quietCause: string | null;
  payload: object;
}

export interface Settled {
  lead: LockedLead;
  look: Look | undefined;
}

/** How the rows of leads are written: whole as a rule; a review, which leaves most of a row as it was, has a cheaper way. */
export interface RowWriter {
  leads(client: Step['client'], leads: readonly LockedLead[]): Promise<void>;
  ranks(client: Step['client'], rows: readonly RankRow[]): Promise<void>;
}

const wholeRows: RowWriter = { leads: writeLeads, ranks: writeRanks };

/** Leads, their ranks where these changed, the decisions as events, and notices of what somebody listens to. */
export async function writeStep(
  step: Step,
  settled: readonly Settled[],
  made: readonly MadeDecision[],
  listeners: ReadonlySet<string>,
  rows: RowWriter = wholeRows,
): Promise<number> {
  const ranks: RankRow[] = [];
  const unranked: number[] = [];
  const visitors = visitorsOf(step);
  for (const { lead, look } of settled) {
    if (!look || lead.mergedInto !== null || lead.mixed) continue;
    if (lead.state.lastAt === undefined) {
      // all that it did is withdrawn: nothing shows it any more, and no review waits for it
      if (lead.rankHash !== null) unranked.push(lead.id);
      lead.rankHash = null;
      continue;
    }
    const row = rankOf(lead, look, visitors.has(lead.id), step.context.zone.localDay(lead.lookedAt!));
    if (row.hash === lead.rankHash) continue;
    lead.rankHash = row.hash;
    ranks.push(row);
  }
  const { client } = step;
  const leads = settled.map(({ lead }) => lead);
  client.later(rows.leads(client, leads));
  client.later(rows.ranks(client, ranks));
  client.later(deleteRanks(client, unranked));
  const signals = [...signalNotices(step, listeners), ...flipNotices(step, settled)];
  if (made.length + signals.length === 0) return 0;
  const names = await keysToName(step, [...made.map((one) => one.lead), ...signals.map((one) => one.lead)]);
  const decisions = writeDecisions(step, made, names);
  return writeNotices(
    step,
    [...decisions.flatMap((notice) => (wanted(notice, listeners) ? [notice] : [])), ...signals],
    names,
  );
}

/** A lone browser's lead is the one minted for its own key. */
function visitorsOf(step: Step): Set<number> {
  const visitors = new Set(step.visitors);
  for (const timeline of step.places.timelines.values()) if (timeline.own) visitors.add(timeline.own.lead);
  return visitors;
}

const wanted = (notice: Notice, listeners: ReadonlySet<string>): boolean =>
  listeners.has(`${notice.kind}:${notice.name}`) && (notice.kind === 'crossing' || notice.quietCause === null);

/** A decision names the least strong key of its moment, else the anonymousId: lead ids are only handles. */
async function keysToName(step: Step, leads: readonly number[]): Promise<Map<number, SubjectKey>> {
  const result = await step.client.query<{ id: number; key: string }>({
    name: 'leadfold-keys-to-name',
    text: `with asked as (select distinct t.id, coalesce(l.merged_into, l.id) as root from unnest($1::bigint[]) as t(id) join lead l on l.id = t.id),
      member as (select id, root as lead from asked union select a.id, l.id from asked a join lead l on l.merged_into = a.root)
      select m.id, coalesce(min(s.key collate "C") filter (where left(s.key, 2) <> 'a:'), min(s.key collate "C")) as key
      from member m join subject_key s on s.lead = m.lead group by m.id`,
    values: [plainArray([...new Set(leads)])],
  });
  return new Map(result.rows.map((row) => [row.id, row.key]));
}

function writeDecisions(step: Step, made: readonly MadeDecision[], names: ReadonlyMap<number, SubjectKey>): Notice[] {
  if (made.length === 0) return [];
  const rows = made.map(({ lead, decision, memory, look, at }) => {
    const key = names.get(lead)!;
    // a merged lead may be armed again at an epoch at which its key was armed before
    const ordinal = {
      hot: decision.epoch,
      rearm: revisionOf(memory),
      stage: decision.seq,
      held: decision.seq,
      segment: decision.seq,
      memory: decision.seq,
    }[decision.decision];
    return { id: derivedId(`decision:${decision.decision}`, key, ordinal), key, lead, decision, memory, look, at };
  });
  const writing = step.client.query({
    name: 'leadfold-write-decisions',
    text: `insert into event (id, kind, type, source, anon, uid, email, occurred_at, received_at, batch, body)
      select id, 'decision', 'decision', 'projector', anon, uid, email, to_timestamp(at / 1000.0), to_timestamp($7 / 1000.0), $8, body::jsonb
      from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::float8[], ${splitJson('$6')}) as t(id, anon, uid, email, at, body)
      on conflict (id) do nothing`,
    values: [
      plainArray(rows.map((row) => row.id)),
      textArray(rows.map((row) => (row.key.startsWith('a:') ? row.key.slice(2) : null))),
      textArray(rows.map((row) => (row.key.startsWith('u:') ? row.key.slice(2) : null))),
      textArray(rows.map((row) => (row.key.startsWith('e:') ? row.key.slice(2) : null))),
      plainArray(rows.map((row) => row.at)),
      joinJson(rows.map((row) => JSON.stringify({ ...row.decision, memory: row.memory }))),
      step.now,
      step.batch,
    ],
  });
  step.client.later(writing);
  return rows.flatMap(({ id, key, lead, decision, look }) => noticesOf(id, key, lead, decision, look));
}

function noticesOf(
  id: string,
  key: SubjectKey,
  lead: number,
  decision: MadeDecision['decision'],
  look: Look | undefined,
): Notice[] {
  if (decision.decision === 'memory' || decision.decision === 'rearm' || decision.decision === 'held') return [];
  const quietCause = decision.quiet ? decision.cause : null;
  const common = { key: id, lead, subjectKey: key, event: id, quietCause };
  if (decision.decision === 'hot') {
    const { score, temperature } = look!;
    return [
      {
        ...common,
        kind: 'crossing',
        name: 'hot',
        payload: { rules: decision.rules, epoch: decision.epoch, score, temperature },
      },
    ];
  }
  const { decision: kind, from, to } = decision;
  const payload = { from, to };
  const entered: Notice[] = to === null ? [] : [{ ...common, kind, name: to, payload }];
  const left: Notice[] = from === null ? [] : [{ ...common, key: `${id}:left`, kind, name: `left:${from}`, payload }];
  return [...entered, ...left];
}

function signalNotices(step: Step, listeners: ReadonlySet<string>): Notice[] {
  if (![...listeners].some((listener) => listener.startsWith('signal:'))) return [];
  const awaited = step.rulebook.signals.all.filter((signal) => listeners.has(`signal:${signal.name}`));
  const hashes = new Set(awaited.map((signal) => signal.hash));
  const notices: Notice[] = [];
  for (const event of [...step.fresh, ...step.judged.facts]) {
    if (!isFact(event) || step.judged.after.withdrawn(event.id) || isOld(event, step.context.settings.oldEventMs))
      continue;
    if (!step.rulebook.signals.candidates(event).some((candidate) => hashes.has(candidate.hash))) continue;
    const verdict = step.judged.after.verdictOf(event.id);
    const lead = ownerOf(step, event);
    if (lead === undefined) continue;
    for (const signal of awaited)
      if (signal.matches(event, verdict))
        notices.push({
          key: `${event.id}:${signal.name}`,
          kind: 'signal',
          name: signal.name,
          lead,
          subjectKey: '',
          event: event.id,
          quietCause: null,
          payload: {},
        });
  }
  return notices;
}

/** One per lead, whatever flipped: the runs that wait look for themselves. */
function flipNotices(step: Step, settled: readonly Settled[]): Notice[] {
  if (!step.awaited) return [];
  return settled.flatMap(({ lead, look }): Notice[] => {
    const name = flippedOf(step, lead, look !== undefined);
    if (name === undefined) return [];
    const event = derivedId('condition', step.batch, lead.id);
    return [
      { key: event, kind: 'condition', name, lead: lead.id, subjectKey: '', event, quietCause: null, payload: {} },
    ];
  });
}

/** Returns how many notices there are; the caller wakes the relay only if there are any. */
function writeNotices(step: Step, notices: readonly Notice[], names: ReadonlyMap<number, SubjectKey>): number {
  if (notices.length === 0) return 0;
  const writing = step.client.query({
    name: 'leadfold-write-outbox',
    text: `insert into outbox (key, kind, name, lead, subject_key, event, quiet_cause, payload, created_at)
      select key, kind, name, lead, subject_key, event, quiet_cause, payload::jsonb, to_timestamp($9 / 1000.0)
      from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::uuid[], $7::text[], ${splitJson('$8')})
        as t(key, kind, name, lead, subject_key, event, quiet_cause, payload)
      on conflict (key) do nothing`,
    values: [
      textArray(notices.map((one) => one.key)),
      textArray(notices.map((one) => one.kind)),
      textArray(notices.map((one) => one.name)),
      plainArray(notices.map((one) => one.lead)),
      textArray(notices.map((one) => one.subjectKey || names.get(one.lead)!)),
      plainArray(notices.map((one) => one.event)),
      textArray(notices.map((one) => one.quietCause)),
      joinJson(notices.map((one) => JSON.stringify(one.payload))),
      step.now,
    ],
  });
  step.client.later(writing);
  return notices.length;
}
