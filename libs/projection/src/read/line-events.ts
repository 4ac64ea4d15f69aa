import type { Judgements, LeadEvent, LocalDay } from '#libs/leads/domain';
import type { EngagementLine } from '#libs/scoring/domain';
import type { LineEvents } from '../domain/index.js';
import type { Rulebook } from '../projection-context.js';

const mostShown = 20;

/** Which events an engagement line counts on `today`; `events` in the order of (occurredAt, id). */
export function lineEvents(
  events: readonly LeadEvent[],
  judgements: Judgements,
  rulebook: Rulebook,
  today: LocalDay,
): (line: EngagementLine) => LineEvents | undefined {
  const matching = new Map<string, LeadEvent[]>();
  for (const event of events)
    for (const signal of rulebook.signals.candidates(event))
      if (signal.matches(event, judgements.verdictOf(event.id))) addTo(matching, signal.hash, event);
  return (line) => {
    const counted = (matching.get(rulebook.signalHashes[line.slot]!) ?? []).filter((event) => {
      const age = today - rulebook.zone.localDay(event.occurredAt);
      return age >= 0 && age <= line.window;
    });
    const [first, last] = [counted[0], counted.at(-1)];
    if (!first || !last) return undefined;
    return {
      first: first.id,
      last: last.id,
      ids: counted
        .slice(-mostShown)
        .reverse()
        .map((event) => event.id),
    };
  };
}

function addTo(lists: Map<string, LeadEvent[]>, name: string, event: LeadEvent): void {
  const list = lists.get(name);
  if (list) list.push(event);
  else lists.set(name, [event]);
}
