import { nodesOf } from '#libs/segments/domain';
import { awaitedConditions, type Condition, type Scenario } from './scenario.js';

/** Every condition of a scenario, wherever it stands. */
export const conditionsOf = ({ entry, goal, exits, steps }: Scenario): Condition[] => [
  ...(entry.when ? [entry.when] : []),
  ...[goal, ...exits].flatMap((watched) => (watched && 'when' in watched ? [watched.when] : [])),
  ...Object.values(steps).flatMap((step) => ('branch' in step ? step.branch.map(({ when }) => when) : [])),
];

const known = new WeakMap<Scenario, boolean>();

/** Whether the lead's company has to be read before its conditions can be judged. */
export function readsAccount(scenario: Scenario): boolean {
  let reads = known.get(scenario);
  if (reads === undefined) {
    reads = conditionsOf(scenario).some((condition) => [...nodesOf(condition)].some(({ node }) => 'account' in node));
    known.set(scenario, reads);
  }
  return reads;
}

/** Whether its runs wait for something about the lead's company: its events, other people's too, wake them. */
export const awaitsAccount = (scenario: Scenario): boolean =>
  awaitedConditions(scenario).some((condition) => 'account' in condition);
