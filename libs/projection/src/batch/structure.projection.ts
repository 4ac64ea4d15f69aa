import { anonKey, emailKey, emptyState, freshMemory, userKey, type LeadEvent } from '#libs/leads/domain';
import { textArray } from '../store/arrays.js';
import { lockLeads, writeLinkage, type LeadLinkage } from '../store/lead.store.js';
import { writeIdentity, writeLinkStates } from '../store/identity.store.js';
import { skipBrowsers, takeBackBrowsers, writeSkipped } from '../store/skipped-identification.store.js';
import { deleteRanks } from '../store/rank.store.js';
import { mergeMemories } from '../domain/index.js';
import { writeUnapplied } from './judgement.projection.js';
import { moveBrowsers, type MovedBrowser, type Rejoined } from './linkage.js';
import { addCause, addStateTo, leadOf, ownerOf, withEpochOf, type Step } from './step.js';

/**
 * Joins, splits and moves leads as the locked, newly read truth demands, and writes who belongs to whom, so that a refold
 * in a later statement sees it. States are added where leads only grow; everything else is put on the refold list.
 */
export async function restructure(step: Step, rejoined: Rejoined, anons: ReadonlySet<string>): Promise<void> {
  const { judged, change } = step;
  for (const event of judged.facts) noteJudgement(step, event, ownerOf(step, event));
  const browsers = moveBrowsers(anons, step.places, change, rejoined, step.context.settings.browserLimit);
  await lockNewRoots(step, rejoined, browsers);
  for (const [key, root] of rejoined.rootAfter) step.rootAfter.set(key, root);
  for (const browser of browsers) step.timelineAfter.set(browser.anon, browser.rows);

  const linkage = new Map<number, LeadLinkage>();
  joinGroups(step, rejoined, linkage);
  await placeBrowsers(step, browsers, linkage);
  noteTouched(step);

  const { client } = step;
  writeStated(step, browsers);
  const states = [
    ...rejoined.active.map((event) => ({ event, state: 'active', reason: null })),
    ...rejoined.skipped.map((link) => ({ event: link.event, state: 'skipped', reason: link.reason })),
  ];
  client.later(writeLinkStates(client, states));
  client.later(writeUnapplied(client, judged));
  client.later(writeLinkage(client, [...linkage.values()]));
  const gone = [...linkage.values()].filter((row) => row.mergedInto !== null || row.mixed).map((row) => row.id);
  client.later(deleteRanks(client, gone));
  for (const row of linkage.values()) {
    const lead = step.leads.get(row.id);
    if (lead) lead.mergedInto = row.mergedInto;
    if (lead) lead.mixed = row.mixed;
  }
}

function writeStated({ client, batch, change }: Step, browsers: readonly MovedBrowser[]): void {
  const anonsOf = (some: readonly MovedBrowser[]): string[] => some.map(({ anon }) => anon);
  const nobodys = browsers.filter(({ isNobodys }) => isNobodys);
  const skipping = new Set(anonsOf(nobodys));
  client.later(writeIdentity(client, batch, change.stated, skipping));
  if (!browsers.some(({ wasNobodys, isNobodys }) => wasNobodys || isNobodys)) return;
  client.later(writeSkipped(client, batch, change.stated, skipping));
  client.later(skipBrowsers(client, anonsOf(nobodys.filter(({ wasNobodys }) => !wasNobodys))));
  client.later(
    takeBackBrowsers(client, anonsOf(browsers.filter(({ wasNobodys, isNobodys }) => wasNobodys && !isNobodys))),
  );
}

function noteJudgement({ judged, ...step }: Step, event: LeadEvent, owner: number | undefined): void {
  if (owner === undefined) return;
  if (step.leads.get(owner)?.refoldPending) step.refold.add(owner);
  if (judged.before.withdrawn(event.id) !== judged.after.withdrawn(event.id)) addCause(step, owner, 'withdrawal');
}

/**
 * A withdrawn, restored or no longer human event touches its lead, as it is now, whoever held it before: states were added
 * or refolded since. A first human verdict alone is an addition: `foldFresh`.
 */
function noteTouched(step: Step): void {
  const { before, after } = step.judged;
  const changed = new Map<number, LeadEvent[]>();
  for (const event of step.judged.facts) {
    const owner = ownerOf(step, event);
    noteJudgement(step, event, owner);
    const same = before.withdrawn(event.id) === after.withdrawn(event.id);
    if (owner === undefined || (same && before.verdictOf(event.id) === after.verdictOf(event.id))) continue;
    changed.set(owner, [...(changed.get(owner) ?? []), event]);
    const noLongerHuman = before.verdictOf(event.id) === 'human' && after.verdictOf(event.id) !== 'human';
    if (!same || (!after.withdrawn(event.id) && noLongerHuman)) step.touched.set(owner, []);
  }
  for (const owner of step.touched.keys()) step.touched.set(owner, changed.get(owner)!);
}

/** A key that is split off becomes a root again; its old root's lock has kept everybody else away from it. */
async function lockNewRoots(step: Step, rejoined: Rejoined, browsers: readonly MovedBrowser[]): Promise<void> {
  const wanted = [
    ...rejoined.groups.map((group) => group.root),
    ...browsers.map((browser) => browser.linkage.mergedInto ?? browser.own),
  ];
  const missing = wanted.filter((id) => !step.leads.has(id));
  for (const [id, lead] of await lockLeads(step.client, missing)) {
    if (lead.mergedInto === null) throw new Error('a root lead was not among the locked');
    step.leads.set(id, {
      ...lead,
      state: emptyState(),
      memory: freshMemory(),
      refoldPending: false,
      nextChangeAt: null,
      rankHash: null,
      rulebook: step.rulebook.version,
    });
  }
}

function joinGroups(step: Step, rejoined: Rejoined, linkage: Map<number, LeadLinkage>): void {
  const memories = new Map([...step.leads].map(([id, lead]) => [id, lead.memory]));
  const operator = operatorCauses(step);
  for (const { root, oldRoots, keys } of rejoined.groups) {
    const sameAsBefore = oldRoots.length === 1 && oldRoots[0] === root && !rejoined.split.has(root);
    if (sameAsBefore) continue;
    step.reshaped.add(root);
    const target = leadOf(step, root);
    const losers = oldRoots.filter((old) => old !== root);
    target.memory = oldRoots
      .map((old) => memories.get(old) ?? freshMemory())
      .reduce((a, b) => mergeMemories(a, b, step.rulebook));
    addOperatorCause(step, operator, root, [root, ...oldRoots]);
    const unclean = oldRoots.some(
      (old) => rejoined.split.has(old) || step.refold.has(old) || step.leads.get(old)?.refoldPending,
    );
    if (unclean) step.refold.add(root);
    else for (const loser of losers) addStateTo(step, root, loser);
    for (const key of keys) {
      const lead = step.places.places.get(key)!.lead;
      linkage.set(lead, { id: lead, mergedInto: lead === root ? null : root, mixed: false });
    }
    for (const loser of losers) inheritCauses(step, loser, root);
  }
}

async function placeBrowsers(
  step: Step,
  browsers: readonly MovedBrowser[],
  linkage: Map<number, LeadLinkage>,
): Promise<void> {
  const filled = await movesWithEvents(step, browsers);
  const operator = operatorCauses(step);
  for (const browser of browsers) {
    const { linkage: row, joins, moved, own } = browser;
    if (row.mergedInto !== browser.wasMergedInto || row.mixed !== browser.wasMixed) {
      linkage.set(own, row);
      for (const root of [browser.wasMergedInto, row.mergedInto, own]) if (root !== null) step.reshaped.add(root);
    }
    if (joins !== undefined) {
      const lone = leadOf(step, own);
      const owner = leadOf(step, joins);
      owner.memory = mergeMemories(owner.memory, lone.memory, step.rulebook);
      if (step.refold.has(own) || lone.refoldPending) step.refold.add(joins);
      else if (!step.refold.has(joins)) addStateTo(step, joins, own);
      step.refold.delete(own);
      inheritCauses(step, own, joins);
      addOperatorCause(step, operator, joins, [own]);
    }
    for (const interval of moved) {
      // whoever has read the old owner and waits for its lock has to read again, events or not
      for (const id of [interval.before, interval.after]) raiseVersion(step, id, linkage);
      const holds = filled.get(`${browser.anon}\n${interval.from}`);
      if (holds === undefined) continue;
      const from = leadOf(step, interval.before);
      const to = leadOf(step, interval.after);
      to.memory = withEpochOf(to.memory, from.memory);
      step.reshaped.add(interval.after);
      if (holds === 'facts') step.refold.add(interval.before).add(interval.after);
      for (const id of [interval.before, interval.after])
        addOperatorCause(step, operator, id, [browser.own, interval.before, interval.after]);
    }
    if (row.mergedInto !== null) step.refold.delete(own);
  }
}

function raiseVersion(step: Step, id: number, linkage: Map<number, LeadLinkage>): void {
  if (linkage.has(id)) return;
  const lead = leadOf(step, id);
  linkage.set(id, { id, mergedInto: lead.mergedInto, mixed: lead.mixed });
}

/**
 * What the moved intervals hold besides this batch's own: facts, or nothing but decisions, which take the epoch along and need
 * no refold. Laterally and limited: as a semi-join it was planned, on empty tables, to read every anonymous event there is.
 */
async function movesWithEvents(
  step: Step,
  browsers: readonly MovedBrowser[],
): Promise<Map<string, 'facts' | 'decisions'>> {
  const moves = browsers.flatMap((browser) => browser.moved.map((interval) => ({ anon: browser.anon, ...interval })));
  if (moves.length === 0) return new Map();
  const bound = (ms: number): string => (Number.isFinite(ms) ? String(ms) : ms > 0 ? '1e14' : '-1e13');
  const one = (
    kind: string,
  ): string => `(select 1 as found from event e where e.anon = t.anon and e.uid is null and e.email is null
        and e.batch <> $4 and e.kind ${kind} 'decision' and e.occurred_at >= to_timestamp(t.lower / 1000.0)
        and e.occurred_at < to_timestamp(t.upper / 1000.0) limit 1)`;
  const result = await step.client.query<{ anon: string; from: number; facts: boolean }>({
    name: 'leadfold-moves-with-events',
    text: `select t.anon, t.lower as from, fact.found is not null as facts
      from unnest($1::text[], $2::float8[], $3::float8[]) as t(anon, lower, upper)
      left join lateral ${one('<>')} as fact on true left join lateral ${one('=')} as decision on true
      where fact.found is not null or decision.found is not null`,
    values: [
      textArray(moves.map((move) => move.anon)),
      `{${moves.map((move) => bound(move.from)).join(',')}}`,
      `{${moves.map((move) => bound(move.until)).join(',')}}`,
      step.batch,
    ],
  });
  const found = new Map(result.rows.map((row) => [`${row.anon}\n${row.from}`, row.facts]));
  return new Map(
    moves.flatMap((move): [string, 'facts' | 'decisions'][] => {
      const facts = found.get(`${move.anon}\n${Number(bound(move.from))}`);
      return facts === undefined ? [] : [[`${move.anon}\n${move.from}`, facts ? 'facts' : 'decisions']];
    }),
  );
}

function inheritCauses(step: Step, from: number, to: number): void {
  for (const cause of step.causes.get(from) ?? []) addCause(step, to, cause);
}

type OperatorCause = 'merge' | 'unmerge';

/**
 * By root, old or new, of the keys that an operator named. What follows from it is quiet; a visitor who identifies himself,
 * even in the same batch, is not.
 */
function operatorCauses(step: Step): Map<number, OperatorCause> {
  const causes = new Map<number, OperatorCause>();
  const mark = (event: LeadEvent, cause: OperatorCause): void => {
    const anon = event.anonymousId === undefined ? [] : [anonKey(event.anonymousId)];
    const strong = [event.userId && userKey(event.userId), event.email && emailKey(event.email), event.otherKey];
    for (const key of [...anon, ...strong]) {
      const place = key ? step.places.places.get(key) : undefined;
      if (!place) continue;
      for (const id of [place.lead, place.root, step.rootAfter.get(place.key)])
        if (id !== undefined && causes.get(id) !== 'unmerge') causes.set(id, cause);
    }
  };
  for (const event of [...step.fresh, ...step.judged.facts]) {
    if (event.type === 'merge') mark(event, 'merge');
    if (event.type === 'apart') mark(event, 'unmerge');
  }
  for (const event of step.judged.facts)
    if (step.judged.before.unmerged(event.id) !== step.judged.after.unmerged(event.id)) mark(event, 'unmerge');
  return causes;
}

function addOperatorCause(
  step: Step,
  operator: ReadonlyMap<number, OperatorCause>,
  to: number,
  named: readonly number[],
): void {
  for (const id of named) {
    const cause = operator.get(id);
    if (cause) addCause(step, to, cause);
  }
}
