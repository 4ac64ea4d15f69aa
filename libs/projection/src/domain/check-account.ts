import type { Condition } from '#libs/leads/domain';
import { nodesOf, readersOfStage } from '#libs/segments/domain';
import type { RulebookDocument } from './rulebook-document.js';

type Path = readonly (string | number)[];
type Report = (path: Path, code: string, message: string) => void;

export interface Place {
  path: Path;
  condition: Condition;
}

const onAttributes = new Set(['all', 'any', 'not', 'attribute', 'consent', 'qualification']);
const branches = ['all', 'any', 'not'];

/** Conditions that are asked of each member. */
export function memberPlaces({ account }: RulebookDocument): Place[] {
  if (!account) return [];
  const places: Place[] = [{ path: ['account', 'engaged'], condition: account.engaged }];
  for (const [name, condition] of Object.entries(account.roles ?? {}))
    places.push({ path: ['account', 'roles', name], condition });
  if (account.reached) places.push({ path: ['account', 'reached'], condition: account.reached });
  return places;
}

/** Conditions that are asked of the company. */
export function accountPlaces({ account }: RulebookDocument): Place[] {
  if (!account) return [];
  return [
    { path: ['account', 'warm'], condition: account.warm },
    ...Object.entries(account.hot).map(([name, condition]) => ({ path: ['account', 'hot', name], condition })),
  ];
}

/**
 * One way only: leads are derived from their own events, a company from its leads. So nothing that is derived of one lead
 * reads the company, and what a company reads of its members is no decision: never the stage.
 */
export function checkAccount(document: RulebookDocument, leadPlaces: readonly Place[], report: Report): void {
  const stageSegments = readersOfStage(document.segments ?? {});
  for (const { condition, path: at } of [...leadPlaces, ...memberPlaces(document)])
    for (const { node, path } of nodesOf(condition, at)) {
      if ('account' in node)
        report(
          [...path, 'account'],
          'reads-account',
          'what is derived of one lead may not read its company; scenarios may',
        );
      if (at[0] !== 'account') continue;
      if ('stage' in node || ('segment' in node && stageSegments.has(node.segment)))
        report(path, 'reads-stage', 'a company may not depend on the stage of its members');
      if (at[1] === 'roles' && !Object.keys(node).some((key) => onAttributes.has(key)))
        report(path, 'roles-read-attributes', 'roles may read attributes, answers and consent only');
    }
  for (const { condition, path: at } of accountPlaces(document))
    for (const { node, path } of nodesOf(condition, at)) {
      if (!('account' in node) && !branches.some((branch) => branch in node))
        report(path, 'reads-one-lead', 'a company is judged by `account` conditions only');
      if ('account' in node && node.account.temperature !== undefined)
        report([...path, 'account', 'temperature'], 'cycle', 'the temperature would depend on itself');
    }
  checkNames(document, report);
}

function checkNames({ account }: RulebookDocument, report: Report): void {
  if (!account) return;
  const roles = account.roles ?? {};
  const unknown = (path: Path, role: string) => {
    if (!Object.hasOwn(roles, role)) report(path, 'unknown-role', `there is no role ${JSON.stringify(role)}`);
  };
  if (account.decisionMaker !== undefined) unknown(['account', 'decisionMaker'], account.decisionMaker);
  for (const role of Object.keys(account.engagement?.weights ?? {}))
    unknown(['account', 'engagement', 'weights', role], role);
  if ((account.decisionMaker === undefined) !== (account.reached === undefined))
    report(['account'], 'incomplete', 'decisionMaker and reached need each other');
}

/** The names that an `account` condition uses; also for conditions outside a rulebook. */
export function checkAccountNode(node: Condition, path: Path, document: RulebookDocument, report: Report): void {
  if (!('account' in node)) return;
  const { signal, roles } = node.account;
  if (signal !== undefined && !Object.hasOwn(document.signals, signal))
    report([...path, 'account', 'signal'], 'unknown-signal', `there is no signal ${JSON.stringify(signal)}`);
  for (const role of [roles ?? []].flat())
    if (!Object.hasOwn(document.account?.roles ?? {}, role))
      report([...path, 'account', 'roles'], 'unknown-role', `there is no role ${JSON.stringify(role)}`);
}
