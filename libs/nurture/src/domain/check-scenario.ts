import type { FieldError } from '#libs/platform/domain';
import {
  awaitedConditions,
  awaitedSignals,
  longestAwaited,
  firstStep,
  following,
  type Condition,
  type Scenario,
} from './scenario.js';

/** What a scenario may refer to. */
export interface Vocabulary {
  signals: ReadonlySet<string>;
  segments: ReadonlySet<string>;
  templates: ReadonlySet<string>;
  /** Signals that opening or clicking a mail raises: they feed a scenario its own deliveries. */
  mailSignals: ReadonlySet<string>;
  /** Problems of a condition, by the compiler of the condition language. */
  checkCondition(condition: Condition, path: string): FieldError[];
}

/** Everything wrong with a well-formed scenario, with paths; an empty list means it may be saved. */
export function checkScenario(scenario: Scenario, words: Vocabulary): FieldError[] {
  const errors: FieldError[] = [];
  const refuse = (path: string, code: string, message: string) => errors.push({ path, code, message });
  const { entry, goal, exits, steps } = scenario;

  if ('signal' in entry && !words.signals.has(entry.signal))
    refuse('entry.signal', 'unknown-signal', `no signal ${entry.signal}`);
  if ('segment' in entry && !words.segments.has(entry.segment))
    refuse('entry.segment', 'unknown-segment', `no segment ${entry.segment}`);
  for (const signal of awaitedSignals(scenario))
    if (!words.signals.has(signal)) refuse('exits', 'unknown-signal', `no signal ${signal}`);
  if (entry.when) errors.push(...words.checkCondition(entry.when, 'entry.when'));
  if (goal && 'when' in goal) errors.push(...words.checkCondition(goal.when, 'goal.when'));
  for (const leaf of awaitedConditions(scenario))
    if (Buffer.byteLength(JSON.stringify(leaf)) > longestAwaited)
      refuse('exits', 'too-long-to-await', 'a condition is too long to be waited for: make it a segment');
  exits.forEach((exit, i) => 'when' in exit && errors.push(...words.checkCondition(exit.when, `exits.${i}.when`)));

  for (const [name, step] of Object.entries(steps)) {
    if ('send' in step && !words.templates.has(step.send))
      refuse(`steps.${name}.send`, 'unknown-template', `no template ${step.send}`);
    if ('branch' in step)
      step.branch.forEach((arm, i) => errors.push(...words.checkCondition(arm.when, `steps.${name}.branch.${i}.when`)));
    for (const next of nextOf(scenario, name))
      if (!Object.hasOwn(steps, next)) refuse(`steps.${name}.next`, 'unknown-step', `no step ${next}`);
  }
  const reached = reachable(scenario, firstStep(scenario));
  for (const name of Object.keys(steps))
    if (!reached.has(name)) refuse(`steps.${name}`, 'unreachable-step', 'no way leads here');
  for (const name of Object.keys(steps))
    if (!('wait' in steps[name]!) && reachesItself(scenario, name))
      refuse(`steps.${name}`, 'cycle-without-wait', 'the steps run in a circle without a wait');
  if ('signal' in entry && words.mailSignals.has(entry.signal) && scenario.reentry !== 'never')
    refuse('reentry', 'feeds-itself', 'its own mails raise its entry signal: re-entry must be never');
  return errors;
}

function nextOf(scenario: Scenario, name: string): string[] {
  // the names of an object's own heritage are steps of nobody
  const step = Object.hasOwn(scenario.steps, name) ? scenario.steps[name] : undefined;
  if (!step) return [];
  const then = following(scenario, name);
  const arms = 'branch' in step ? step.branch : 'split' in step ? step.split : [];
  return [...arms.map((arm) => arm.next), ...(then === undefined ? [] : [then])];
}

function reachable(scenario: Scenario, from: string, through: (name: string) => boolean = () => true): Set<string> {
  const seen = new Set<string>();
  const open = [from];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (through(name)) open.push(...nextOf(scenario, name));
  }
  return seen;
}

function reachesItself(scenario: Scenario, name: string): boolean {
  const instant = (other: string) => !('wait' in (scenario.steps[other] ?? { wait: {} }));
  return nextOf(scenario, name).some((next) => reachable(scenario, next, instant).has(name));
}
