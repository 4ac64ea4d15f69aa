import { createHash } from 'node:crypto';
import type { Condition, Zone } from '#libs/leads/domain';
import { endOfWait } from './business-time.js';
import { firstStep, following, type Scenario } from './scenario.js';

/** One lead's way through a scenario, as far as it has come. Times in ms. */
export interface Run {
  state: 'active' | 'completed' | 'exited';
  exitReason?: string;
  step: string;
  /** Set while a wait is running: the instant it is over. */
  until?: number;
  /** Awaited signals that came since the entry. */
  seen: string[];
}

/** What a scenario may ask about its lead. */
export interface LeadView {
  subjectKey: string;
  hot: boolean;
  /** A recipient is known. */
  address: boolean;
  suppressed: boolean;
  consentWithdrawn: boolean;
  /** An older active run of this scenario belongs to the same person since a merge. */
  olderRun: boolean;
  holds(condition: Condition): boolean;
}

export type Effect =
  | { kind: 'send'; step: string; template: string }
  | { kind: 'schedule'; step: string; at: number }
  | { kind: 'branch'; step: string; to: string; reason: string }
  | { kind: 'complete'; step: string; reason: 'goal' | 'end' }
  | { kind: 'exit'; step: string; reason: string }
  | { kind: 'ignore'; step: string; reason: string };

export interface Calendar {
  zone: Zone;
  holidays: ReadonlySet<number>;
}

export const newRun = (scenario: Scenario): Run => ({ state: 'active', step: firstStep(scenario), seen: [] });

/**
 * What a run does at `now`, and why: from the entry, or when its wait is over, or when something it watches happened.
 * It never waits for a message; and a circle of steps holds a wait (`checkScenario`), so that it always comes to rest.
 */
export function advance(
  run: Run,
  scenario: Scenario,
  lead: LeadView,
  now: number,
  calendar: Calendar,
): { run: Run; effects: Effect[] } {
  if (run.state !== 'active') return { run, effects: [{ kind: 'ignore', step: run.step, reason: 'ended' }] };
  const leave = reasonToLeave(run, scenario, lead);
  if (leave === 'goal') return end(run, [], { kind: 'complete', step: run.step, reason: 'goal' });
  if (leave !== undefined) return end(run, [], { kind: 'exit', step: run.step, reason: leave });
  if (run.until !== undefined && run.until > now)
    return { run, effects: [{ kind: 'ignore', step: run.step, reason: 'waiting' }] };

  const effects: Effect[] = [];
  let step: string | undefined = run.until === undefined ? run.step : following(scenario, run.step);
  for (let taken = 0; step !== undefined; taken += 1) {
    const at = scenario.steps[step];
    // a run keeps its version, and a version is checked: both mean a damaged document
    if (!at || taken > Object.keys(scenario.steps).length)
      return end({ ...run, step }, effects, { kind: 'exit', step, reason: 'scenario-broken' });
    if ('exit' in at) return end({ ...run, step }, effects, { kind: 'exit', step, reason: at.exit });
    if ('wait' in at) {
      const until = endOfWait(at.wait, now, calendar.zone, calendar.holidays);
      return { run: { ...run, step, until }, effects: [...effects, { kind: 'schedule', step, at: until }] };
    }
    if ('send' in at)
      effects.push(
        lead.address ? { kind: 'send', step, template: at.send } : { kind: 'ignore', step, reason: 'no-address' },
      );
    const chosen: { to: string; reason: string } | undefined =
      'branch' in at
        ? chooseArm(at.branch, lead)
        : 'split' in at
          ? chooseShare(at.split, scenario.name, step, lead.subjectKey)
          : undefined;
    if (chosen) effects.push({ kind: 'branch', step, ...chosen });
    run = { ...run, step };
    step = chosen?.to ?? following(scenario, step);
  }
  return end(run, effects, { kind: 'complete', step: run.step, reason: 'end' });
}

function reasonToLeave(run: Run, scenario: Scenario, lead: LeadView): string | undefined {
  if (lead.olderRun) return 'merged';
  if (lead.suppressed) return 'suppressed';
  if (lead.consentWithdrawn) return 'consent-withdrawn';
  const happened = (watched: Scenario['exits'][number]): boolean =>
    'signal' in watched ? run.seen.includes(watched.signal) : 'hot' in watched ? lead.hot : lead.holds(watched.when);
  if (scenario.goal && happened(scenario.goal)) return 'goal';
  const exit = scenario.exits.find(happened);
  if (!exit) return undefined;
  return 'signal' in exit ? `signal-${exit.signal}` : 'hot' in exit ? 'hot' : 'condition';
}

function chooseArm(
  arms: { when: Condition; next: string }[],
  lead: LeadView,
): { to: string; reason: string } | undefined {
  const index = arms.findIndex((arm) => lead.holds(arm.when));
  return index < 0 ? undefined : { to: arms[index]!.next, reason: `arm-${index}` };
}

/** The same person always takes the same side: the share is drawn from the subject key, not from chance. */
function chooseShare(
  shares: { weight: number; next: string }[],
  scenario: string,
  step: string,
  key: string,
): { to: string; reason: string } {
  const total = shares.reduce((sum, share) => sum + share.weight, 0);
  let left = createHash('sha256').update(`${scenario}\n${step}\n${key}`).digest().readUInt32BE() % total;
  const index = shares.findIndex((share) => (left -= share.weight) < 0);
  return { to: shares[index]!.next, reason: `share-${index}` };
}

function end(
  run: Run,
  effects: Effect[],
  last: Extract<Effect, { kind: 'complete' | 'exit' }>,
): { run: Run; effects: Effect[] } {
  const { until: _, ...rest } = run;
  const ended: Run =
    last.kind === 'complete'
      ? { ...rest, state: 'completed', exitReason: last.reason }
      : { ...rest, state: 'exited', exitReason: last.reason };
  return { run: ended, effects: [...effects, last] };
}
