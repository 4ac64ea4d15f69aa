import type { Condition } from '#libs/leads/domain';
import { exits } from '#libs/funnel/domain';
import { nodesOf } from '#libs/segments/domain';
import type { FieldError } from '#libs/platform/domain';
import { accountPlaces, checkAccount, checkAccountNode, memberPlaces, type Place } from './check-account.js';
import { checkCaptures } from './check-captures.js';
import { checkFrameworks, checkQualification } from './check-qualification.js';
import type { RulebookDocument } from './rulebook-document.js';

type Path = readonly (string | number)[];

const attributesOnly = new Set(['all', 'any', 'not', 'attribute', 'consent', 'qualification']);

/** What no schema can say: names that must exist, and what may not read what. */
export function checkRulebook(document: RulebookDocument): FieldError[] {
  const errors: FieldError[] = [];
  const report = (path: Path, code: string, message: string) => errors.push({ path: path.join('.'), code, message });
  const stages = document.stages.map((stage) => stage.name);

  checkCaptures(document, report);
  for (const [index, rule] of document.engagement.entries()) {
    const signal = known(document.signals, rule.signal);
    if (!signal)
      report(['engagement', index, 'signal'], 'unknown-signal', `there is no signal ${JSON.stringify(rule.signal)}`);
    else if (rule.count === 'distinct' && signal.distinctBy === undefined)
      report(['engagement', index, 'count'], 'no-distinct', `the signal ${rule.signal} has no distinctBy`);
    if (rule.group !== undefined && !known(document.groups ?? {}, rule.group))
      report(['engagement', index, 'group'], 'unknown-group', `there is no group ${JSON.stringify(rule.group)}`);
  }
  if (document.warm && document.matrix)
    report(['matrix'], 'warm-twice', 'stands beside warm: exactly one of both splits warm from cold');
  if (!document.warm && !document.matrix)
    report(['warm'], 'missing', 'is missing, and there is no matrix: one of both splits warm from cold');
  for (const [index, { requires = [] }] of document.stages.entries())
    for (const [at, attribute] of requires.entries())
      if (requires.indexOf(attribute) !== at)
        report(['stages', index, 'requires', at], 'doubled', `${attribute} is demanded twice`);
  if (document.stages[0]?.requires || document.stages[0]?.approver)
    report(['stages', 0], 'first-stage', 'every lead begins here, so it can demand nothing');
  for (const [index, name] of stages.entries()) {
    if (stages.indexOf(name) !== index)
      report(['stages', index, 'name'], 'doubled', `the stage ${name} is named twice`);
    if ((exits as readonly string[]).includes(name))
      report(
        ['stages', index, 'name'],
        'reserved',
        `${name} is where sales ends or returns a lead, it cannot be a stage`,
      );
  }
  if (document.recycleTo !== undefined && !stages.includes(document.recycleTo))
    report(['recycleTo'], 'unknown-stage', `there is no stage ${JSON.stringify(document.recycleTo)}`);
  for (const place of [...placesOf(document), ...memberPlaces(document), ...accountPlaces(document)])
    for (const { node, path } of nodesOf(place.condition, place.path)) checkNode(node, path, document, stages, report);
  checkFrameworks(document, report);
  checkAccount(document, placesOf(document), report);
  checkDirection(document, report);
  return errors;
}

type Report = (path: Path, code: string, message: string) => void;

/** The names that a single condition uses must exist; also for conditions outside a rulebook, such as a scenario's. */
export function checkNode(
  node: Condition,
  path: Path,
  document: RulebookDocument,
  stages: readonly string[],
  report: Report,
): void {
  if (path[0] === 'fit' && !attributesOnly.has(Object.keys(node).find((key) => attributesOnly.has(key)) ?? ''))
    report(path, 'fit-reads-attributes', 'fit may read attributes, consent and answers only');
  checkQualification(node, path, document, report);
  if ('signal' in node) {
    const signal = known(document.signals, node.signal);
    if (!signal) report([...path, 'signal'], 'unknown-signal', `there is no signal ${JSON.stringify(node.signal)}`);
    else {
      if (node.distinct && signal.distinctBy === undefined)
        report([...path, 'distinct'], 'no-distinct', `the signal ${node.signal} has no distinctBy`);
      if (node.sum && signal.sum === undefined)
        report([...path, 'sum'], 'no-sum', `the signal ${node.signal} has no sum`);
    }
  }
  checkAccountNode(node, path, document, report);
  if ('segment' in node && !known(document.segments ?? {}, node.segment))
    report([...path, 'segment'], 'unknown-segment', `there is no segment ${JSON.stringify(node.segment)}`);
  if ('stage' in node) {
    const wanted = typeof node.stage === 'string' ? node.stage : node.stage.atLeast;
    if (!stages.includes(wanted) && !(node.stage === 'lost' || node.stage === 'disqualified'))
      report([...path, 'stage'], 'unknown-stage', `there is no stage ${JSON.stringify(wanted)}`);
  }
}

const known = <T>(map: Record<string, T>, name: string): T | undefined =>
  Object.hasOwn(map, name) ? map[name] : undefined;

function placesOf(document: RulebookDocument): Place[] {
  const places: Place[] = document.fit.map((rule, index) => ({ path: ['fit', index, 'when'], condition: rule.when }));
  if (document.warm) places.push({ path: ['warm'], condition: document.warm });
  if (document.rearm) places.push({ path: ['rearm'], condition: document.rearm });
  for (const [name, condition] of Object.entries(document.hot)) places.push({ path: ['hot', name], condition });
  for (const [index, stage] of document.stages.entries())
    if (stage.when) places.push({ path: ['stages', index, 'when'], condition: stage.when });
  for (const [name, condition] of Object.entries(document.segments ?? {}))
    places.push({ path: ['segments', name], condition });
  for (const [index, channel] of (document.channels ?? []).entries())
    places.push({ path: ['channels', index, 'when'], condition: channel.when });
  return places;
}

/** temperature, stage and each segment are derived from what they read, so that reading may not come back to itself. */
function checkDirection(document: RulebookDocument, report: Report): void {
  const places = placesOf(document);
  const ownerOf = (path: Path): string =>
    path[0] === 'hot' || path[0] === 'warm'
      ? 'temperature'
      : path[0] === 'stages'
        ? 'stage'
        : path[0] === 'segments'
          ? `segment ${path[1]}`
          : String(path[0]);
  const reads = new Map<string, { owner: string; path: Path }[]>();
  for (const place of places) {
    const owner = ownerOf(place.path);
    const list = reads.get(owner) ?? [];
    reads.set(owner, list);
    for (const { node, path } of nodesOf(place.condition, place.path)) {
      if ('temperature' in node) list.push({ owner: 'temperature', path: [...path, 'temperature'] });
      if ('stage' in node) list.push({ owner: 'stage', path: [...path, 'stage'] });
      if ('segment' in node) list.push({ owner: `segment ${node.segment}`, path: [...path, 'segment'] });
    }
  }
  const reaches = (from: string, goal: string, seen: Set<string>): boolean => {
    if (from === goal) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return (reads.get(from) ?? []).some((read) => reaches(read.owner, goal, seen));
  };
  for (const [owner, list] of reads)
    for (const read of list) {
      if ((owner === 'temperature' || owner === 'stage') && reaches(read.owner, 'stage', new Set()))
        report(read.path, 'reads-stage', `the ${owner} may not depend on the stage`);
      else if (owner !== 'rearm' && reaches(read.owner, owner, new Set()))
        report(read.path, 'cycle', `the ${owner} would depend on itself`);
    }
}
